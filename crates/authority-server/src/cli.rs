//! The command line.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use super::commands;
use super::commands::list::Form;
use super::config::{Config, Listen, Problem};
use super::hardening;
use super::names;
use authority::{AccountName, DeviceName, wipe_stack};

/// The service side of strong authentication: it sends SMS codes, stores accounts, PINs and
/// devices, and verifies one-time passwords.
///
/// To try it: `pims-authority serve --dev`. It needs no configuration, stores everything in one
/// folder, and prints the next steps.
#[derive(Parser)]
#[command(name = "pims-authority", version, propagate_version = true, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    config_option: ConfigOption,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
struct ConfigOption {
    /// The configuration file, TOML. Each key can also be an environment variable:
    /// `PIMS_AUTHORITY_`, section and key in capitals, joined by underscores. The variable wins.
    /// `check --keys` lists all keys.
    #[arg(short, long, global = true, env = "PIMS_AUTHORITY_CONFIG", value_name = "FILE",
        value_parser = OsStringValueParser::new().map(PathBuf::from))]
    config: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Serves apps, devices, relying parties and operators until SIGTERM or Ctrl-C.
    Serve(Serve),
    /// Checks the configuration and reports all its problems. Starts no listener.
    Check(Check),
    /// Checks whether the service of this configuration answers on this machine.
    Health(Health),
    /// Brings the database up to date, which `serve` does as well. With `--rekey`, changes its
    /// master key.
    Migrate(Migrate),
    /// Administers accounts.
    #[command(subcommand)]
    Account(Account),
    /// Verifies one-time passwords.
    #[command(subcommand)]
    Otp(Otp),
    /// Lists the audit trail, the newest row first: time, event, account, device, actor, address,
    /// count, reason.
    Audit(Audit),
}

#[derive(Args)]
struct Serve {
    /// Runs a service for development on a loopback address, with its own certificate, one account
    /// with a token, SMS in a file, and a console in the browser, whose address it prints first.
    #[arg(long)]
    dev: bool,
    /// The folder of the files of a service for development.
    #[arg(long, requires = "dev", default_value = "pims-dev", value_name = "FOLDER")]
    folder: PathBuf,
    /// The port of a service for development; 0 selects a free one.
    #[arg(long, requires = "dev", default_value_t = 8443)]
    port: u16,
}

#[derive(Args)]
struct Check {
    /// Lists every key with its environment variable, its default and its meaning.
    #[arg(long)]
    keys: bool,
    /// Also opens and checks the database, and loads the issuer's keys.
    #[arg(long)]
    connect: bool,
    /// Largest number of sealed rows of the audit trail to read, the newest first. All seals are
    /// checked.
    #[arg(long, requires = "connect", value_name = "ROWS")]
    audit_rows: Option<u64>,
    /// Number and head of a seal of the audit trail, from the log. The check fails if the database
    /// does not have this seal, because it is then an older one.
    #[arg(long, requires = "connect", value_name = "NUMBER:HEAD", value_parser = seal)]
    expect_seal: Option<(i64, String)>,
}

#[derive(Args)]
struct Audit {
    /// Lists only the rows of this account.
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Number of rows, at most 1000.
    #[arg(long, default_value_t = 100, value_name = "ROWS")]
    limit: u32,
    #[command(flatten)]
    output: Output,
}

/// Parses a seal in the form in which the log shows it: its number and its head.
fn seal(text: &str) -> Result<(i64, String), String> {
    let parts = text.split_once(':').and_then(|(number, head)| Some((number.parse().ok()?, head)));
    let seal = parts.filter(|(number, head)| *number > 0 && inwebo::values::hex::decode_array::<32>(head).is_some());
    seal.map(|(number, head)| (number, head.to_owned()))
        .ok_or_else(|| "must be a number, a colon and 64 hex digits".to_owned())
}

#[derive(Args)]
struct Health {
    /// Also checks whether the database answers.
    #[arg(long)]
    ready: bool,
}

#[derive(Args)]
struct Migrate {
    /// Seals all values again under the current master key (`master_key.id`). The former keys are
    /// in `master_key.others`. Instances may run, and the command can be stopped and repeated.
    #[arg(long)]
    rekey: bool,
    /// Number of rows in one transaction of `--rekey`.
    #[arg(long, requires = "rekey", default_value_t = 100, value_name = "ROWS")]
    batch: u32,
}

#[derive(Subcommand)]
enum Account {
    /// Adds an account.
    Add {
        name: String,
        /// Also makes a token for the account, writes it into the configuration, and prints how to
        /// use it. Only for development.
        #[arg(long)]
        token: bool,
    },
    /// Lists the accounts: name, phone number, number of devices, state of the PIN (none, set,
    /// blocked), wrong PINs that no right PIN forgave, wrong tries without a proof of the PIN.
    List(Output),
    /// Shows one account and its devices.
    Show {
        name: String,
        #[command(flatten)]
        output: Output,
    },
    /// Unblocks an account that is blocked. Also forgives the wrong tries without a proof of the
    /// PIN.
    Unblock { name: String },
    /// Removes an account with its devices, PIN and phone number.
    Remove {
        name: String,
        /// Does not ask for confirmation.
        #[arg(long)]
        yes: bool,
    },
    /// Administers the devices of an account. `account show` lists them.
    #[command(subcommand)]
    Device(Device),
}

#[derive(Subcommand)]
enum Device {
    /// Gives a device another name.
    Rename {
        account: String,
        /// The device's id, or its first characters: at least eight, and as many as no other device
        /// of the account shares.
        device: String,
        /// The new name: 1 to 64 characters.
        name: String,
    },
    /// Removes a device. Its passwords and refresh tokens end with it.
    Remove {
        account: String,
        /// The device's id, or its first characters: at least eight, and as many as no other device
        /// of the account shares.
        device: String,
    },
}

#[derive(Args)]
struct Output {
    /// Prints one JSON document in the form of the operators' API. Times are milliseconds since
    /// 1970.
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum Otp {
    /// Verifies a one-time password, which uses it up. Reads it from standard input, because other
    /// users can see arguments.
    Verify { account: String },
}

/// Runs the program. Exit status 0: success; 1: failure; 2: wrong command line.
pub fn main() -> ExitCode {
    let Cli { config_option, command } = parse_arguments().unwrap_or_else(|error| error.exit());
    let done = hardening::forbid_dumps().and_then(|()| run(config_option.config.as_deref(), command));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            commands::print_error(&message);
            ExitCode::FAILURE
        }
    }
}

/// Reads the command line. `PIMS_AUTHORITY_CONFIG` does not contradict `serve --dev`, which reads
/// its folder's configuration; `-c` does.
fn parse_arguments() -> Result<Cli, clap::Error> {
    let matches = Cli::command().try_get_matches()?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    let is_argument = |matches: &ArgMatches| matches.value_source("config") == Some(ValueSource::CommandLine);
    let is_argument = is_argument(&matches) || matches.subcommand().is_some_and(|(_, matches)| is_argument(matches));
    if is_argument && matches!(cli.command, Command::Serve(Serve { dev: true, .. })) {
        let message =
            "the argument '--dev' cannot be used with '--config <FILE>': it reads the configuration in its folder";
        return Err(Cli::command().error(ErrorKind::ArgumentConflict, message));
    }
    // An empty variable counts as missing; an empty argument is a mistake.
    cli.config_option.config = cli.config_option.config.filter(|file| is_argument || !file.as_os_str().is_empty());
    Ok(cli)
}

fn run(file: Option<&Path>, command: Command) -> Result<(), String> {
    match command {
        Command::Serve(Serve { dev: true, folder, port }) => commands::serve::development(&folder, port),
        Command::Serve(_) => configured(file).and_then(commands::serve::run),
        Command::Check(Check { keys: true, .. }) => commands::check::keys(),
        Command::Check(Check { connect, audit_rows, expect_seal, .. }) => configured(file).and_then(|config| {
            let connect = connect.then_some(commands::check::Connect { audit_rows, expect_seal });
            commands::check::run(config, connect)
        }),
        Command::Audit(Audit { account, limit, output }) => configured(file).and_then(|config| {
            let account = account.as_deref().map(account_name).transpose()?;
            commands::audit::list(&config, account.as_ref(), limit, Form::of(output.json))
        }),
        Command::Health(Health { ready }) => Listen::load(file)
            .map_err(|problems| problem_list(file, &problems))
            .and_then(|listen| commands::health::run(&listen, ready)),
        Command::Migrate(Migrate { rekey, batch }) => {
            configured(file).and_then(|config| commands::migrate::run(&config, rekey.then_some(batch)))
        }
        Command::Account(account) => configured(file).and_then(|config| match account {
            Account::Add { name, token } => {
                let account = names::normal(&name).ok_or(names::RULE)?;
                let add = if token { commands::account::add_with_token } else { commands::account::add };
                add(&config, &account)
            }
            Account::List(output) => commands::account::list(&config, Form::of(output.json)),
            Account::Show { name, output } => {
                commands::account::show(&config, &account_name(&name)?, Form::of(output.json))
            }
            Account::Unblock { name } => commands::account::unblock(&config, &account_name(&name)?),
            Account::Remove { name, yes } => commands::account::remove(&config, &account_name(&name)?, yes),
            Account::Device(Device::Rename { account, device, name }) => {
                let name = DeviceName::new(&name).ok_or(names::DEVICE_RULE)?;
                commands::account::rename_device(&config, &account_name(&account)?, &device, &name)
            }
            Account::Device(Device::Remove { account, device }) => {
                commands::account::remove_device(&config, &account_name(&account)?, &device)
            }
        }),
        Command::Otp(Otp::Verify { account }) => {
            configured(file).and_then(|config| commands::otp::verify(&config, &account_name(&account)?))
        }
    }
}

/// Reads the configuration. Wipes its temporary copies of keys from the stack.
fn configured(file: Option<&Path>) -> Result<Config, String> {
    let config = load(file);
    wipe_stack();
    config
}

#[inline(never)]
fn load(file: Option<&Path>) -> Result<Config, String> {
    Config::load(file).map_err(|problems| problem_list(file, &problems))
}

fn problem_list(file: Option<&Path>, problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let source = file.map_or_else(|| "the environment".to_owned(), |file| file.display().to_string());
    format!("the configuration ({source}) cannot be used:\n  {}", lines.join("\n  "))
}

fn account_name(name: &str) -> Result<AccountName, String> {
    AccountName::new(name)
        .ok_or_else(|| "an account's name has 1 to 128 characters, none of them a control character".into())
}
