use super::*;

fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn refused(file: Option<(&str, &str)>, pairs: &[(&str, &str)]) -> String {
    Settings::from_sources(file, environment(pairs)).unwrap_err().to_string()
}

#[test]
fn the_defaults_are_a_working_set() {
    let settings = Settings::from_sources(None, environment(&[("PATH", "/bin")])).unwrap();
    assert_eq!(settings.http.listen.port(), 8080);
    assert!(settings.database.url.is_none());
}

#[test]
fn the_environment_wins_over_the_file() {
    let file = Some(("dyocense.toml", "[http]\nlisten = \"127.0.0.1:1\"\nbody_limit = \"2MB\"\n"));
    let settings = Settings::from_sources(file, environment(&[("DYOCENSE_HTTP_LISTEN", "127.0.0.1:2")])).unwrap();
    assert_eq!(settings.http.listen.port(), 2);
    assert_eq!(settings.http.body_limit_bytes, 2_000_000);
}

#[test]
fn an_unknown_setting_is_named_and_the_likely_one_suggested() {
    assert_eq!(
        refused(Some(("d.toml", "[http]\nlisten_on = \"127.0.0.1:1\"")), &[]),
        "`http.listen_on` in d.toml is not a setting; did you mean `http.listen`?; `dyocense config --all` lists them"
    );
    assert_eq!(
        refused(None, &[("DYOCENSE_HTTP_LISEN", "x")]),
        "`DYOCENSE_HTTP_LISEN` in $DYOCENSE_HTTP_LISEN is not a setting; did you mean `DYOCENSE_HTTP_LISTEN`?; \
         `dyocense config --all` lists them"
    );
}

#[test]
fn a_bad_value_is_named_with_where_it_came_from() {
    assert_eq!(
        refused(None, &[("DYOCENSE_HTTP_DRAIN", "soon")]),
        "http.drain (from $DYOCENSE_HTTP_DRAIN): `soon` is not a duration; write 30s, 10m, 12h or 30d"
    );
    assert_eq!(
        refused(Some(("d.toml", "[graphql]\nmax_depth = 3")), &[]),
        "graphql.max_depth (from d.toml): 3 is not between 15 and 64"
    );
}

#[test]
fn secrets_are_never_shown() {
    let url = "postgres://app:hunter2@db/app";
    let settings = Settings::from_sources(None, environment(&[("DATABASE_URL", url)])).unwrap();
    assert_eq!(settings.database.url.as_ref().unwrap().expose(), url);
    assert!(!format!("{settings:?} {:?}", settings.effective()).contains("hunter2"));
    assert!(!refused(None, &[("DATABASE_URL", "mysql://app:hunter2@db")]).contains("hunter2"));
}

#[test]
fn every_setting_can_be_set_in_a_file() {
    for setting in catalog::SETTINGS.iter().filter(|setting| !setting.default.is_empty()) {
        let (section, name) = setting.key.split_once('.').unwrap();
        let text = format!("[{section}]\n{name} = \"{}\"", setting.default);
        Settings::from_sources(Some(("d.toml", &text)), environment(&[])).unwrap();
    }
}

#[test]
fn what_is_deployed_sets_only_settings_that_there_are() {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let mut files = vec![root.join("docker-compose.yml")];
    let mut directories = vec![root.join("deploy")];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { directories.push(path) } else { files.push(path) }
        }
    }
    let mut seen = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for (start, _) in text.match_indices(PREFIX) {
            let name: String = text[start..]
                .chars()
                .take_while(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || *c == '_')
                .collect();
            // Prose names the prefix alone.
            if name == PREFIX {
                continue;
            }
            let known = catalog::SETTINGS.iter().any(|setting| setting.environment_variable() == name);
            assert!(known || name == CONFIG_VARIABLE, "{} sets {name}, which is no setting", file.display());
            seen += 1;
        }
    }
    assert!(seen >= 10, "{seen} settings are named");
}
