//! The modes of the exchange, and the steps of an operation.

/// A mode: names the operation of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// `activate`: an SMS code and a PIN make a device.
    Activate,
    /// `ms`: a device registers a service secret.
    Secret,
    /// `otp`: a device makes a one-time password.
    Otp,
    /// `synchro`: a device fetches its keys again.
    Synchro,
    /// `password`: replaces a known PIN by a new one.
    Password,
    /// `reset`: sets a new PIN with an SMS code.
    Reset,
    /// `status`: asks for the state of a device.
    Status,
    /// `remove`: removes a device (ours).
    Remove,
    /// `devices`: lists the devices of the account (ours).
    Devices,
    /// `renamedevice`: gives a device of the account another name (ours).
    RenameDevice,
    /// `removedevice`: removes a device of the account, this one or another (ours).
    RemoveDevice,
    /// `newsn`: a device makes a code that enrolls another device (the steps are ours).
    NewSn,
    /// `getsn`: a device asks for the state of that code, and confirms the other device (the steps
    /// are ours).
    GetSn,
    /// `messages`: a device asks for the events of its account (the steps are ours).
    Messages,
    /// `checkpush`: a device asks for the new device that waits for an approval, and approves or
    /// rejects it (the steps are ours).
    CheckPush,
}

impl Mode {
    /// All modes.
    pub const ALL: [Self; 15] = [
        Self::Activate,
        Self::Secret,
        Self::Otp,
        Self::Synchro,
        Self::Password,
        Self::Reset,
        Self::Status,
        Self::Remove,
        Self::Devices,
        Self::RenameDevice,
        Self::RemoveDevice,
        Self::NewSn,
        Self::GetSn,
        Self::Messages,
        Self::CheckPush,
    ];

    /// Returns its word in a request.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Activate => "activate",
            Self::Secret => "ms",
            Self::Otp => "otp",
            Self::Synchro => "synchro",
            Self::Password => "password",
            Self::Reset => "reset",
            Self::Status => "status",
            Self::Remove => "remove",
            Self::Devices => "devices",
            Self::RenameDevice => "renamedevice",
            Self::RemoveDevice => "removedevice",
            Self::NewSn => "newsn",
            Self::GetSn => "getsn",
            Self::Messages => "messages",
            Self::CheckPush => "checkpush",
        }
    }

    /// Reads the word in a request.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }
}

/// A step of an operation. The answer's root element has the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// `ActionSetup`: the service hands over a challenge or keys.
    Setup,
    /// `ActionFinalize`: the device sends its proofs.
    Finalize,
}

impl Action {
    /// Returns its word in a request and an answer.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Setup => "ActionSetup",
            Self::Finalize => "ActionFinalize",
        }
    }

    /// Reads the word in a request.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Setup, Self::Finalize].into_iter().find(|action| action.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_and_step_is_read_as_it_is_written_and_no_other() {
        for mode in Mode::ALL {
            assert_eq!(Mode::parse(mode.as_str()), Some(mode));
        }
        for action in [Action::Setup, Action::Finalize] {
            assert_eq!(Action::parse(action.as_str()), Some(action));
        }
        for other in ["", "Otp", "secret", "otp ", "ActionSetup"] {
            assert_eq!(Mode::parse(other), None, "{other}");
        }
        assert_eq!(Action::parse("setup"), None);
    }
}
