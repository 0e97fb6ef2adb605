//! Settings: from a TOML file and the environment, the environment first. What is unknown or wrong is an error that
//! names it, before anything starts.

pub mod catalog;
mod value;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use catalog::{CONFIG_VARIABLE, DATABASE_URL_VARIABLE, PREFIX, SETTINGS};

/// The module of GraphiQL that the explorer starts; a directory without it is not one of GraphiQL's files.
pub const EXPLORER_ENTRY: &str = "ruru.js";

/// Read when no file is named and it exists.
pub const DEFAULT_FILE: &str = "dyocense.toml";

/// Why the program does not start with these settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("cannot read the settings file {path}: {source}")]
    File { path: String, source: std::io::Error },
    #[error("{path} is not TOML: {source}")]
    Toml { path: String, source: Box<toml::de::Error> },
    #[error("`{name}` in {origin} is not a setting{}; `dyocense config --all` lists them", suggestion(.nearest))]
    Unknown { name: String, origin: Origin, nearest: Option<String> },
    #[error("{key} (from {origin}): {problem}")]
    Bad { key: &'static str, origin: Origin, problem: String },
}

fn suggestion(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Default,
    File(String),
    Environment(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File(path) => f.write_str(path),
            Origin::Environment(name) => write!(f, "${name}"),
        }
    }
}

/// A text that is never shown: not by `Debug`, not by `dyocense config`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: String) -> Self {
        Self(text)
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

#[derive(Debug, Clone)]
pub struct Settings {
    pub database: DatabaseSettings,
    pub data_dir: PathBuf,
    pub http: HttpSettings,
    pub operations: OperationsSettings,
    pub graphql: GraphqlSettings,
    pub websocket: WebsocketSettings,
    pub auth: AuthSettings,
    pub master_keys: Option<Secret>,
    pub mail: Option<MailSettings>,
    pub subscription_buffer: usize,
    pub log: LogSettings,
    pub telemetry: TelemetrySettings,
    values: BTreeMap<&'static str, (Secret, Origin)>,
}

#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    pub url: Option<Secret>,
    pub bin_dir: Option<PathBuf>,
    pub writer_connections: u32,
    pub reader_connections: u32,
    pub projector_connections: u32,
    pub vault_connections: u32,
}

#[derive(Debug, Clone)]
pub struct HttpSettings {
    pub listen: SocketAddr,
    pub public_url: Option<String>,
    /// Where GraphiQL's files are; None: the explorer is a plain page.
    pub explorer_dir: Option<PathBuf>,
    pub allowed_origins: Vec<String>,
    pub body_limit_bytes: usize,
    pub request_timeout: Duration,
    pub drain: Duration,
}

#[derive(Debug, Clone)]
pub struct MailSettings {
    pub smtp_url: Secret,
    pub from: String,
}

#[derive(Debug, Clone)]
pub struct OperationsSettings {
    pub listen: Option<SocketAddr>,
    pub lag_limit: u64,
}

#[derive(Debug, Clone)]
pub struct GraphqlSettings {
    pub max_cost: u64,
    pub max_depth: usize,
    pub max_fields: usize,
    pub max_aliases: usize,
    pub max_directives: usize,
    pub anonymous_introspection: bool,
}

#[derive(Debug, Clone)]
pub struct WebsocketSettings {
    pub init_timeout: Duration,
    pub ping_interval: Duration,
    pub send_timeout: Duration,
    pub max_operations: usize,
    pub max_message_bytes: usize,
    pub max_sockets: usize,
}

#[derive(Debug, Clone)]
pub struct AuthSettings {
    pub password_checks: usize,
    pub attempts_per_minute: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Clone)]
pub struct LogSettings {
    pub format: LogFormat,
    pub filter: String,
}

#[derive(Debug, Clone)]
pub struct TelemetrySettings {
    pub otlp_endpoint: Option<String>,
    pub service_name: String,
    pub sample_ratio: f64,
}

impl Settings {
    /// Reads the file `config` (else the one `$DYOCENSE_CONFIG` names, else `dyocense.toml` if there is one) and this
    /// process's environment.
    pub fn load(config: Option<&Path>) -> Result<Settings, SettingsError> {
        let named = config.map(Path::to_owned).or_else(|| std::env::var_os(CONFIG_VARIABLE).map(PathBuf::from));
        let path = named.or_else(|| Some(PathBuf::from(DEFAULT_FILE)).filter(|path| path.exists()));
        let file = match path {
            Some(path) => {
                let shown = path.display().to_string();
                let text = std::fs::read_to_string(&path)
                    .map_err(|source| SettingsError::File { path: shown.clone(), source })?;
                Some((shown, text))
            }
            None => None,
        };
        Self::from_sources(file.as_ref().map(|(path, text)| (path.as_str(), text.as_str())), std::env::vars())
    }

    /// `file` is the name and the text of a TOML file.
    pub fn from_sources(
        file: Option<(&str, &str)>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Settings, SettingsError> {
        let mut values: BTreeMap<&'static str, (Secret, Origin)> = SETTINGS
            .iter()
            .map(|setting| (setting.key, (Secret::new(setting.default.to_owned()), Origin::Default)))
            .collect();
        if let Some((path, text)) = file {
            read_file(path, text, &mut values)?;
        }
        for (name, value) in environment {
            if name == DATABASE_URL_VARIABLE {
                // The more telling name wins where both are set.
                let entry = values.get_mut("database.url").expect("database.url is in the catalogue");
                if !matches!(entry.1, Origin::Environment(_)) {
                    *entry = (Secret::new(value), Origin::Environment(name));
                }
            } else if name.starts_with(PREFIX) && name != CONFIG_VARIABLE {
                let known = SETTINGS.iter().find(|setting| setting.environment_variable() == name);
                let Some(setting) = known else {
                    let key = name[PREFIX.len()..].to_lowercase().replacen('_', ".", 1);
                    let nearest =
                        catalog::nearest(&key).and_then(catalog::find).map(|setting| setting.environment_variable());
                    let origin = Origin::Environment(name.clone());
                    return Err(SettingsError::Unknown { name, origin, nearest });
                };
                values.insert(setting.key, (Secret::new(value), Origin::Environment(name)));
            }
        }
        typed(values)
    }

    /// Every setting with its value as people may see it, and where it comes from.
    pub fn effective(&self) -> Vec<(&'static catalog::Setting, String, Origin)> {
        SETTINGS
            .iter()
            .map(|setting| {
                let (value, origin) = &self.values[setting.key];
                let shown = match (value.expose().is_empty(), setting.secret) {
                    (true, _) => "(not set)".to_owned(),
                    (false, true) => "(hidden)".to_owned(),
                    (false, false) => value.expose().to_owned(),
                };
                (setting, shown, origin.clone())
            })
            .collect()
    }

    pub fn public_url(&self, bound: SocketAddr) -> String {
        self.http.public_url.clone().unwrap_or_else(|| format!("http://{bound}"))
    }
}

fn read_file(
    path: &str,
    text: &str,
    values: &mut BTreeMap<&'static str, (Secret, Origin)>,
) -> Result<(), SettingsError> {
    let table: toml::Table = toml::from_str(text)
        .map_err(|source| SettingsError::Toml { path: path.to_owned(), source: Box::new(source) })?;
    for (section, content) in table {
        let origin = Origin::File(path.to_owned());
        let toml::Value::Table(entries) = content else {
            let nearest = catalog::nearest(&section).map(str::to_owned);
            return Err(SettingsError::Unknown { name: section, origin, nearest });
        };
        for (name, value) in entries {
            let key = format!("{section}.{name}");
            let Some(setting) = catalog::find(&key) else {
                let nearest = catalog::nearest(&key).map(str::to_owned);
                return Err(SettingsError::Unknown { name: key, origin, nearest });
            };
            let text = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Float(number) => number.to_string(),
                toml::Value::Boolean(flag) => flag.to_string(),
                toml::Value::Array(items) if items.iter().all(toml::Value::is_str) => {
                    items.iter().filter_map(toml::Value::as_str).collect::<Vec<_>>().join(",")
                }
                other => {
                    let problem = format!("a text or a number is due here, not {}", other.type_str());
                    return Err(SettingsError::Bad { key: setting.key, origin, problem });
                }
            };
            values.insert(setting.key, (Secret::new(text), origin.clone()));
        }
    }
    Ok(())
}

fn typed(values: BTreeMap<&'static str, (Secret, Origin)>) -> Result<Settings, SettingsError> {
    let read = Reader { values: &values };
    let settings = Settings {
        database: DatabaseSettings {
            url: read.optional("database.url", |url| {
                let known = url.starts_with("postgres://") || url.starts_with("postgresql://");
                // The URL may hold a password: the message does not repeat it.
                if known { Ok(Secret::new(url.to_owned())) } else { Err("it must begin with postgres://".to_owned()) }
            })?,
            bin_dir: read.optional("database.bin_dir", |path| Ok(PathBuf::from(path)))?,
            writer_connections: read.count("database.writer_connections", 1, 64)? as u32,
            reader_connections: read.count("database.reader_connections", 1, 256)? as u32,
            projector_connections: read.count("database.projector_connections", 1, 64)? as u32,
            vault_connections: read.count("database.vault_connections", 1, 64)? as u32,
        },
        data_dir: read.optional("data.dir", absolute)?.unwrap_or_else(default_data_dir),
        http: HttpSettings {
            listen: read.required("http.listen", address)?,
            public_url: read.optional("http.public_url", web_address)?,
            explorer_dir: read.optional("http.explorer_dir", explorer_directory)?,
            allowed_origins: read.required("http.allowed_origins", |text| {
                value::list(text).iter().map(|origin| web_address(origin)).collect()
            })?,
            body_limit_bytes: read.required("http.body_limit", value::bytes)?,
            request_timeout: read.required("http.request_timeout", value::duration)?,
            drain: read.required("http.drain", value::duration)?,
        },
        operations: OperationsSettings {
            listen: read.optional("operations.listen", address)?,
            lag_limit: read.count("operations.lag_limit", 1, u64::MAX)?,
        },
        graphql: GraphqlSettings {
            max_cost: read.count("graphql.max_cost", 100, 10_000_000)?,
            max_depth: read.count("graphql.max_depth", 15, 64)? as usize,
            max_fields: read.count("graphql.max_fields", 500, 100_000)? as usize,
            max_aliases: read.count("graphql.max_aliases", 1, 10_000)? as usize,
            max_directives: read.count("graphql.max_directives", 1, 10_000)? as usize,
            anonymous_introspection: read.required("graphql.anonymous_introspection", value::boolean)?,
        },
        websocket: WebsocketSettings {
            init_timeout: read.required("websocket.init_timeout", value::duration)?,
            ping_interval: read.required("websocket.ping_interval", value::duration)?,
            send_timeout: read.required("websocket.send_timeout", value::duration)?,
            max_operations: read.count("websocket.max_operations", 1, 1_000)? as usize,
            max_message_bytes: read.required("websocket.max_message", value::bytes)?,
            max_sockets: read.count("websocket.max_sockets", 1, 1_000_000)? as usize,
        },
        auth: AuthSettings {
            password_checks: read.count("auth.password_checks", 1, 256)? as usize,
            attempts_per_minute: read.count("auth.attempts_per_minute", 1, 100_000)? as u32,
        },
        master_keys: read.optional("keys.master", |key| Ok(Secret::new(key.to_owned())))?,
        mail: read
            .optional("mail.smtp_url", |url| {
                let known = url.starts_with("smtp://") || url.starts_with("smtps://");
                // The URL may hold a password: the message does not repeat it.
                if known {
                    Ok(Secret::new(url.to_owned()))
                } else {
                    Err("it must begin with smtp:// or smtps://".to_owned())
                }
            })?
            .map(|smtp_url| {
                let from = read.required("mail.from", |from| match from.contains('@') {
                    true => Ok(from.to_owned()),
                    false => Err("an address is needed, such as Dyocense <no-reply@example.com>".to_owned()),
                })?;
                Ok(MailSettings { smtp_url, from })
            })
            .transpose()?,
        subscription_buffer: read.count("subscriptions.buffer", 1, 100_000)? as usize,
        log: LogSettings {
            format: read.required("log.format", |text| match text {
                "text" => Ok(LogFormat::Text),
                "json" => Ok(LogFormat::Json),
                _ => Err(format!("`{text}` is neither text nor json")),
            })?,
            filter: read.required("log.filter", |text| {
                text.parse::<tracing_subscriber::EnvFilter>()
                    .map(|_| text.to_owned())
                    .map_err(|error| format!("`{text}` is not a log filter: {error}"))
            })?,
        },
        telemetry: TelemetrySettings {
            otlp_endpoint: read.optional("telemetry.otlp_endpoint", web_address)?,
            service_name: read.required("telemetry.service_name", |name| Ok(name.to_owned()))?,
            sample_ratio: read.required("telemetry.sample_ratio", value::ratio)?,
        },
        values: BTreeMap::new(),
    };
    Ok(Settings { values, ..settings })
}

struct Reader<'a> {
    values: &'a BTreeMap<&'static str, (Secret, Origin)>,
}

impl Reader<'_> {
    fn required<T>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, SettingsError> {
        let (text, origin) = &self.values[key];
        parse(text.expose()).map_err(|problem| SettingsError::Bad { key, origin: origin.clone(), problem })
    }

    fn optional<T>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, SettingsError> {
        if self.values[key].0.expose().is_empty() { Ok(None) } else { self.required(key, parse).map(Some) }
    }

    fn count(&self, key: &'static str, least: u64, most: u64) -> Result<u64, SettingsError> {
        self.required(key, value::whole(least, most))
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("`{text}` is not an address with a port, such as 127.0.0.1:8080"))
}

fn web_address(text: &str) -> Result<String, String> {
    let text = text.trim_end_matches('/');
    match text.parse::<http::Uri>() {
        Ok(uri) if matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some() => Ok(text.to_owned()),
        _ => Err(format!("`{text}` is not a web address that begins with http:// or https://")),
    }
}

fn explorer_directory(text: &str) -> Result<PathBuf, String> {
    let directory = absolute(text)?;
    match directory.join(EXPLORER_ENTRY).is_file() {
        true => Ok(directory),
        false => Err(format!("there is no {EXPLORER_ENTRY} in `{}`", directory.display())),
    }
}

fn absolute(text: &str) -> Result<PathBuf, String> {
    std::path::absolute(text).map_err(|error| format!("`{text}` is not a path: {error}"))
}

fn default_data_dir() -> PathBuf {
    // The private Postgres of root runs as another user, who must be able to reach its directory.
    match (nix::unistd::geteuid().is_root(), std::env::var_os("HOME")) {
        (false, Some(home)) => PathBuf::from(home).join(".local/share/dyocense"),
        _ => PathBuf::from("/var/lib/dyocense"),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
