//! The key that seals secrets in the databases, from where the settings say it is.

use std::path::Path;

use database::{MasterKey, Sealer};

use crate::config::{ConfigError, NodeConfig};

/// What seals and opens, from the settings.
pub fn sealer(config: &NodeConfig) -> Result<Sealer, ConfigError> {
    let current = read("master_key", &config.master_key, &config.master_key_file)?;
    let previous =
        read("previous_master_key", &config.previous_master_key, &config.previous_master_key_file)?;
    Ok(Sealer::new(current, previous))
}

fn read(setting: &str, text: &str, file: &Path) -> Result<Option<MasterKey>, ConfigError> {
    let file_is_named = !file.as_os_str().is_empty();
    let (name, text) = match (text.is_empty(), file_is_named) {
        (true, false) => return Ok(None),
        (false, true) => {
            let both = format!("`node.{setting}` and `node.{setting}_file` are both set; keep one");
            return Err(ConfigError(both));
        }
        (false, false) => (format!("`node.{setting}`"), text.to_owned()),
        (true, true) => {
            let name = format!("`node.{setting}_file` ({})", file.display());
            let read = std::fs::read_to_string(file);
            (name.clone(), read.map_err(|error| ConfigError(format!("{name}: {error}")))?)
        }
    };
    let wrong = || {
        ConfigError(format!(
            "{name} is not a key of 32 bytes in base64; `backline keys generate-master` makes one"
        ))
    };
    MasterKey::parse(&text).map(Some).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_from_a_file_or_from_the_setting_and_is_never_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("master.key");
        let text = MasterKey::generate();
        std::fs::write(&file, format!("{text}\n")).expect("written");
        let of_file = NodeConfig { master_key_file: file.clone(), ..NodeConfig::default() };
        let of_setting = NodeConfig { master_key: text.clone(), ..NodeConfig::default() };
        let prefixes = [of_file.clone(), of_setting]
            .map(|config| sealer(&config).expect("a sealer").current_prefix());
        assert!(prefixes[0].is_some() && prefixes[0] == prefixes[1]);
        assert_eq!(sealer(&NodeConfig::default()).expect("none").current_prefix(), None);

        let both = NodeConfig { master_key: text.clone(), ..of_file };
        let missing = folder.path().join("missing.key");
        let missing = NodeConfig { previous_master_key_file: missing, ..NodeConfig::default() };
        let cut = NodeConfig { master_key: text[1..].to_owned(), ..NodeConfig::default() };
        for (config, expected) in [
            (both, "are both set"),
            (missing, "`node.previous_master_key_file` ("),
            (cut, "`backline keys generate-master` makes one"),
        ] {
            let error = sealer(&config).err().expect("refused").to_string();
            assert!(error.contains(expected) && !error.contains(&text[1..]), "{error}");
        }
    }
}
