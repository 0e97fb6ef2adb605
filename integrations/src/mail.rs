//! Mail over SMTP (RFC 5321).

use std::time::Duration;

use async_trait::async_trait;
use dyocense_commands::ports::{Mail, MailError, Mailer};
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

/// For each step of the talk with the server.
const STEP: Duration = Duration::from_secs(10);
/// For all of it.
const WHOLE: Duration = Duration::from_secs(45);

/// Why no mailer can be made of what was given. The URL may hold a password and is not repeated.
#[derive(Debug, thiserror::Error)]
pub enum BadMailSettings {
    #[error("mail.smtp_url is no URL of a mail server: {0}")]
    Url(String),
    #[error("mail.from is {from:?}, which is no address: {problem}")]
    From { from: String, problem: String },
}

/// Hands each mail to one server, on a connection of its own.
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl SmtpMailer {
    /// `url`: `smtps://user:password@host:465`, or `smtp://host:25`, with `?tls=required` for STARTTLS.
    ///
    /// # Errors
    /// The URL or the sender's address cannot be read.
    pub fn new(url: &str, from: &str) -> Result<SmtpMailer, BadMailSettings> {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(|error| BadMailSettings::Url(error.to_string()))?
            .timeout(Some(STEP))
            .build();
        let from = from.parse().map_err(|error: lettre::address::AddressError| BadMailSettings::From {
            from: from.to_owned(),
            problem: error.to_string(),
        })?;
        Ok(SmtpMailer { transport, from })
    }

    fn message(&self, mail: &Mail) -> Result<Message, MailError> {
        let to: Mailbox = mail.to.parse().map_err(|_| MailError::Address)?;
        let id = format!("<{}@{}>", mail.key, self.from.email.domain());
        let mut message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(mail.subject.clone())
            .message_id(Some(id))
            .header(ContentType::TEXT_PLAIN)
            .body(mail.body.clone())
            .map_err(|_| MailError::Address)?;
        // RFC 3834: nobody's holiday notice should answer it.
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        message.headers_mut().insert_raw(HeaderValue::new(automatic, "auto-generated".to_owned()));
        Ok(message)
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let message = self.message(mail)?;
        match tokio::time::timeout(WHOLE, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(meaning(&error)),
            Err(_) => Err(MailError::Unreachable("it took too long")),
        }
    }
}

/// Mailbox and message refused for good are 55x (RFC 5321, section 4.2.3). What else a server refuses, a login say, is
/// for whoever runs this program to mend; the mail waits meanwhile.
fn meaning(error: &smtp::Error) -> MailError {
    match error.status().map(u16::from) {
        Some(code @ 550..=559) => MailError::Refused(code),
        Some(code) => MailError::NotNow(code),
        None if error.is_timeout() => MailError::Unreachable("it took too long"),
        None if error.is_tls() => MailError::Unreachable("no encrypted connection came about"),
        None if error.is_client() => MailError::Unreachable("its answers were not understood"),
        None => MailError::Unreachable("no connection came about"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailer() -> SmtpMailer {
        SmtpMailer::new("smtp://localhost:2525", "Dyocense <no-reply@example.com>").unwrap()
    }

    fn mail(to: &str) -> Mail {
        Mail {
            key: "invitation-1".to_owned(),
            to: to.to_owned(),
            subject: "Join Bäckerei\r\nBcc: all@example.com".to_owned(),
            body: "Hello\n".to_owned(),
        }
    }

    #[test]
    fn a_subject_cannot_add_a_header_and_the_same_mail_has_the_same_id() {
        let written = String::from_utf8(mailer().message(&mail("ana@example.com")).unwrap().formatted()).unwrap();
        assert!(written.contains("Message-ID: <invitation-1@example.com>\r\n"), "{written}");
        assert!(!written.contains("\nBcc:"), "{written}");
    }

    #[test]
    fn what_cannot_be_read_is_said_without_the_url() {
        assert_eq!(mailer().message(&mail("nobody")).unwrap_err(), MailError::Address);
        let error = SmtpMailer::new("http://user:secret@host", "a@example.com").err().unwrap();
        assert!(!error.to_string().contains("secret"), "{error}");
        assert!(SmtpMailer::new("smtp://host", "nobody").is_err());
    }
}
