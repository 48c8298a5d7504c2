//! Writes the numbering plans of Google's libphonenumber in a form of which a program decodes one
//! country at a time: `src/domain/numbering_plans.rs`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    #[cfg(feature = "phone-plans")]
    plans::write()?;
    Ok(())
}

#[cfg(feature = "phone-plans")]
mod plans {
    use std::error::Error;
    use std::fmt::Write;
    use std::path::PathBuf;

    use phonenumber::Metadata;
    use phonenumber::metadata::loader;
    use phonenumber::metadata::{DATABASE, Descriptor};

    /// Writes the plans of all calling codes into one file, and a table of them.
    pub(crate) fn write() -> Result<(), Box<dyn Error>> {
        let folder = PathBuf::from(std::env::var("OUT_DIR")?);
        let (mut bytes, mut table) = (Vec::new(), String::from("[\n"));
        for code in 1_u16..=999 {
            let Some(regions) = DATABASE.by_code(&code) else { continue };
            let ids: Vec<&str> = regions.iter().map(|region| region.id()).collect();
            let plans: Vec<loader::Metadata> = regions.into_iter().map(plan).collect();
            let start = bytes.len();
            bytes.extend(postcard::to_allocvec(&plans)?);
            writeln!(table, "    ({code}, \"{}\", {start}, {}),", ids.join(" "), bytes.len())?;
        }
        table.push_str("]\n");
        std::fs::write(folder.join("plans.bin"), bytes)?;
        std::fs::write(folder.join("plans.rs"), table)?;
        Ok(())
    }

    /// Returns the parts of a plan that reading a number needs. The formats and the examples are
    /// left out: nothing is formatted.
    fn plan(region: &Metadata) -> loader::Metadata {
        let all = region.descriptors();
        let text = |text: Option<&str>| text.map(str::to_owned);
        loader::Metadata {
            general: Some(descriptor(all.general())),
            fixed_line: all.fixed_line().map(descriptor),
            mobile: all.mobile().map(descriptor),
            toll_free: all.toll_free().map(descriptor),
            premium_rate: all.premium_rate().map(descriptor),
            shared_cost: all.shared_cost().map(descriptor),
            personal_number: all.personal_number().map(descriptor),
            voip: all.voip().map(descriptor),
            pager: all.pager().map(descriptor),
            uan: all.uan().map(descriptor),
            emergency: all.emergency().map(descriptor),
            voicemail: all.voicemail().map(descriptor),
            short_code: all.short_code().map(descriptor),
            standard_rate: all.standard_rate().map(descriptor),
            carrier: all.carrier().map(descriptor),
            no_international: all.no_international().map(descriptor),
            id: Some(region.id().to_owned()),
            country_code: Some(region.country_code()),
            international_prefix: region.international_prefix().map(|found| ascii(found.as_str())),
            preferred_international_prefix: text(region.preferred_international_prefix()),
            national_prefix: text(region.national_prefix()),
            preferred_extension_prefix: text(region.preferred_extension_prefix()),
            national_prefix_for_parsing: region.national_prefix_for_parsing().map(|found| ascii(found.as_str())),
            national_prefix_transform_rule: text(region.national_prefix_transform_rule()),
            main_country_for_code: region.is_main_country_for_code(),
            leading_digits: region.leading_digits().map(|found| ascii(found.as_str())),
            mobile_number_portable: region.is_mobile_number_portable(),
            ..loader::Metadata::default()
        }
    }

    fn descriptor(of: &Descriptor) -> loader::Descriptor {
        loader::Descriptor {
            national_number: Some(ascii(of.national_number().as_str())),
            possible_length: of.possible_length().to_vec(),
            possible_local_length: of.possible_local_length().to_vec(),
            example: None,
        }
    }

    /// Returns a pattern for digits of ASCII: a number has no others when a plan is asked. With
    /// the digits of all scripts a compiled pattern is many times larger.
    fn ascii(pattern: &str) -> String {
        pattern.replace("\\d", "[0-9]")
    }
}
