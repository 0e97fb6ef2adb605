//! A mail server as the program talks to: it takes mail over SMTP and keeps it for the test to read.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Longer than anything takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Kept {
    /// Who it was to, and the whole message.
    mail: Vec<(String, String)>,
    /// What to say next when mail to an address is announced, instead of taking it.
    refusals: HashMap<String, VecDeque<&'static str>>,
    announced: usize,
}

/// Serves until the runtime it was started on ends.
#[derive(Clone)]
pub struct MailServer {
    pub url: String,
    kept: Arc<Mutex<Kept>>,
}

impl MailServer {
    pub async fn start() -> MailServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("smtp://{}", listener.local_addr().expect("an address"));
        let server = MailServer { url, kept: Arc::default() };
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = serving.clone();
                tokio::spawn(async move { server.talk(stream).await });
            }
        });
        server
    }

    /// The next announcements of mail to an address are answered so, in this order.
    pub fn refuse(&self, to: &str, answers: &[&'static str]) {
        self.kept().refusals.entry(to.to_owned()).or_default().extend(answers);
    }

    /// Mail that was taken for an address.
    pub fn mail_to(&self, to: &str) -> Vec<String> {
        self.kept().mail.iter().filter(|(known, _)| known == to).map(|(_, text)| text.clone()).collect()
    }

    /// How often mail was announced, taken or not.
    pub fn announced(&self) -> usize {
        self.kept().announced
    }

    /// The first mail to an address, once it is there.
    pub async fn arrived(&self, to: &str) -> String {
        let look = async {
            loop {
                if let Some(mail) = self.mail_to(to).into_iter().next() {
                    return mail;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, look).await.unwrap_or_else(|_| panic!("no mail to {to}"))
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn talk(&self, stream: TcpStream) {
        let (reader, mut writer) = stream.into_split();
        let mut lines = BufReader::new(reader).lines();
        let mut to = String::new();
        let mut answer = "220 ready".to_owned();
        loop {
            if writer.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
                return;
            }
            let Ok(Some(line)) = lines.next_line().await else { return };
            let command = line.to_ascii_uppercase();
            answer = if let Some(address) = command.strip_prefix("RCPT TO:") {
                to = address.trim().trim_matches(['<', '>']).to_ascii_lowercase();
                let mut kept = self.kept();
                kept.announced += 1;
                let refusal = kept.refusals.get_mut(&to).and_then(VecDeque::pop_front);
                refusal.unwrap_or("250 go on").to_owned()
            } else if command == "DATA" {
                let _ = writer.write_all(b"354 until a dot\r\n").await;
                let mut text = String::new();
                while let Ok(Some(line)) = lines.next_line().await {
                    if line == "." {
                        break;
                    }
                    text.push_str(&line);
                    text.push('\n');
                }
                self.kept().mail.push((to.clone(), text));
                "250 taken".to_owned()
            } else if command == "QUIT" {
                let _ = writer.write_all(b"221 bye\r\n").await;
                return;
            } else {
                "250 yes".to_owned()
            };
        }
    }
}

/// The token in the link of an invitation's mail.
pub fn token_in(mail: &str) -> String {
    // Soft line breaks of quoted-printable, where the text is no plain ASCII.
    let mail = mail.replace("=\n", "").replace("=3D", "=");
    let (_, rest) = mail.split_once("/#join/").expect("a link");
    rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_' || *c == '-').collect()
}
