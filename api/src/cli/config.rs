//! `dyocense config`

use clap::Args;

use crate::settings::{Origin, Settings};

/// Show the settings in effect, and where each comes from
///
/// A setting is a key of the TOML file (section and name) or an environment variable; the environment wins. Secrets
/// are never shown.
#[derive(Args)]
pub struct ConfigArgs {
    /// Also what is at its default, with what each setting does
    #[arg(long)]
    all: bool,
}

pub fn run(args: ConfigArgs, settings: &Settings) -> anyhow::Result<()> {
    let mut shown = 0;
    for (setting, value, origin) in settings.effective() {
        if !args.all && origin == Origin::Default {
            continue;
        }
        shown += 1;
        say!("{} = {value}  ({origin})", setting.key);
        if args.all {
            say!("    {}  [${}]", setting.help, setting.environment_variable());
        }
    }
    if shown == 0 {
        say!("Every setting is at its default; --all shows them.");
    }
    Ok(())
}
