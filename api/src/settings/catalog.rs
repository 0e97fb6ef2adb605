//! Every setting there is: its key in the TOML file, its default, and what it does.

/// One setting. Its environment variable is `DYOCENSE_` and the key in capitals: `http.listen` is
/// `DYOCENSE_HTTP_LISTEN`.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    pub key: &'static str,
    /// Empty: not set, and what then happens is in `help`.
    pub default: &'static str,
    pub secret: bool,
    pub help: &'static str,
}

impl Setting {
    pub fn environment_variable(&self) -> String {
        format!("{PREFIX}{}", self.key.replace('.', "_").to_uppercase())
    }
}

pub const PREFIX: &str = "DYOCENSE_";
/// Names the TOML file; not itself a setting.
pub const CONFIG_VARIABLE: &str = "DYOCENSE_CONFIG";
/// What hosting platforms call `database.url`.
pub const DATABASE_URL_VARIABLE: &str = "DATABASE_URL";

const fn plain(key: &'static str, default: &'static str, help: &'static str) -> Setting {
    Setting { key, default, secret: false, help }
}

const fn secret(key: &'static str, help: &'static str) -> Setting {
    Setting { key, default: "", secret: true, help }
}

pub const SETTINGS: &[Setting] = &[
    secret("database.url", "postgres:// URL of the server to use. Not set: a private Postgres in data.dir"),
    plain("database.bin_dir", "", "Directory of postgres and initdb for the private server. Not set: found by itself"),
    plain("database.writer_connections", "8", "Most connections that append (1 to 64)"),
    plain("database.reader_connections", "12", "Most connections that answer queries (1 to 256)"),
    plain("database.projector_connections", "4", "Most connections that write read models (1 to 64)"),
    plain("database.vault_connections", "8", "Most connections for logins, uploads, policies and timers (1 to 64)"),
    plain(
        "data.dir",
        "",
        "Where the private Postgres and generated keys live. Not set: /var/lib/dyocense for root, else ~/.local/share/dyocense",
    ),
    plain("http.listen", "127.0.0.1:8080", "Address and port to serve on; port 0 takes any free one"),
    plain(
        "http.public_url",
        "",
        "How browsers reach this server, for links in messages. Not set: http:// and http.listen",
    ),
    plain(
        "http.explorer_dir",
        "",
        "Directory of GraphiQL's files for /explorer (`./dev` and the Dockerfile provide it). Not set: a plain page",
    ),
    plain("http.allowed_origins", "", "Other web origins that may call the API from a browser, separated by commas"),
    plain(
        "http.trusted_proxies",
        "",
        "Addresses and networks (10.0.0.0/8) of the proxies in front, separated by commas: from them, X-Forwarded-For says whose attempts auth.attempts_per_minute counts. Not set: the header is ignored",
    ),
    plain("http.body_limit", "1MB", "Largest GraphQL request (uploads have no limit)"),
    plain("http.request_timeout", "30s", "How long one request may run before it is answered with an error"),
    plain("http.drain", "10s", "How long open requests may finish after the signal to stop"),
    plain("operations.listen", "", "Serve /metrics and /readyz on this address alone. Not set: on http.listen"),
    plain("operations.lag_limit", "10000", "Events that read models may be behind before /readyz says not ready"),
    plain("graphql.max_cost", "25000", "Most fields a query may ask for, counting each page size"),
    plain("graphql.max_depth", "20", "Deepest nesting of a query; the standard introspection query needs 15"),
    plain("graphql.max_fields", "1000", "Most fields written in a query, fragments unfolded"),
    plain("graphql.max_aliases", "50", "Most aliases in a query"),
    plain("graphql.max_directives", "50", "Most directives in a query"),
    plain("graphql.anonymous_introspection", "false", "Whether the schema may be asked for without logging in"),
    plain("websocket.init_timeout", "5s", "How long a socket may stay open without connection_init"),
    plain("websocket.ping_interval", "20s", "How often the server pings; two unanswered pings close the socket"),
    plain("websocket.send_timeout", "10s", "How long a client may leave a message unread before it is closed"),
    plain("websocket.max_operations", "50", "Most operations at a time on one socket"),
    plain("websocket.max_message", "256KB", "Largest message a client may send on a socket"),
    plain("websocket.max_sockets", "10000", "Most sockets at a time on this server"),
    plain(
        "auth.password_checks",
        "2",
        "Password checks at one time; each takes a core and 19 MB for a tenth of a second",
    ),
    plain(
        "auth.attempts_per_minute",
        "20",
        "Logins, refreshes, registrations and joinings from one address each minute (see http.trusted_proxies)",
    ),
    secret(
        "keys.master",
        "32 bytes in base64 that all other keys follow from; older ones may come after it, separated by commas. Not set: one is made in data.dir",
    ),
    secret(
        "mail.smtp_url",
        "smtps://user:password@host, or smtp://host:25 (?tls=required for STARTTLS). Not set: no mail is sent",
    ),
    plain("mail.from", "", "Sender of mail, such as Dyocense <no-reply@example.com>; needed with mail.smtp_url"),
    plain("subscriptions.buffer", "256", "Events a live subscription holds in memory before it reads the log instead"),
    plain("log.format", "text", "text for people or json for machines"),
    plain("log.filter", "info,sqlx=error,tower_http=warn", "What is logged, as in RUST_LOG"),
    plain(
        "telemetry.otlp_endpoint",
        "",
        "OpenTelemetry collector (OTLP over HTTP), such as http://localhost:4318. Not set: no traces are sent",
    ),
    plain("telemetry.service_name", "dyocense", "The name this server has in traces"),
    plain("telemetry.sample_ratio", "1.0", "Which part of requests is traced (0 to 1)"),
];

pub fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

/// The known key most like `key`, if one is alike enough to be what was meant.
pub fn nearest(key: &str) -> Option<&'static str> {
    SETTINGS
        .iter()
        .map(|setting| (edit_distance(key, setting.key), setting.key))
        .min()
        .filter(|(distance, _)| *distance <= 3.max(key.len() / 4))
        .map(|(_, key)| key)
}

/// Levenshtein's distance, by characters.
fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, r) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(l != *r);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_finds_the_setting_that_was_meant() {
        assert_eq!(nearest("http.lisen"), Some("http.listen"));
        assert_eq!(nearest("database.uri"), Some("database.url"));
        assert_eq!(nearest("colour"), None);
    }

    #[test]
    fn every_key_and_every_variable_is_there_once() {
        let mut keys: Vec<_> = SETTINGS.iter().map(|setting| setting.environment_variable()).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), SETTINGS.len());
    }
}
