//! Refusals: what a rule of the business says no to. They are data, next to the answer, not errors.

use std::fmt::Display;

use async_graphql::{Enum, SimpleObject};
use dyocense_commands::connectors::{PreviewRefusal, StartRefusal, UploadRefusal};
use dyocense_commands::evidence::ModelRefusal;
use dyocense_commands::identity::{
    AcceptRefusal, ChangePasswordRefusal, LoginRefusal, PasswordRefusal, PersonRefusal, RefreshRefusal, RegisterRefusal,
};
use dyocense_commands::optimization::AcceptPlanRefusal;
use dyocense_commands::{CommandError, Fault as CommandFault};
use dyocense_domain::connectors::ImportRefusal;
use dyocense_domain::evidence::EvidenceRefusal;
use dyocense_domain::goals::GoalRefusal;
use dyocense_domain::identity::IdentityRefusal;
use dyocense_domain::metrics::MetricRefusal;
use dyocense_domain::optimization::ConstraintRefusal;
use dyocense_domain::runs::RunRefusal;
use dyocense_domain::text::TextError;

use super::fault::{Code, Fault};

/// Why a change was refused. A client branches on this; the message is for people.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserErrorCode {
    /// A value cannot be used as it is.
    Invalid,
    /// Nothing in this business has that id.
    NotFound,
    /// It exists already.
    AlreadyExists,
    /// The caller may not do this.
    NotAllowed,
    /// A business needs at least one owner.
    LastOwner,
    /// There are as many as there may be.
    LimitReached,
    /// It has ended, or is in a state that does not allow the change.
    WrongState,
    /// The address or the password is wrong.
    WrongCredentials,
    /// Too many wrong passwords; wait.
    TooManyFailures,
    /// The address belongs to several businesses; name one.
    ChooseBusiness,
    /// The session is over; log in again.
    SessionEnded,
    /// History calls the goal unlikely; acknowledge it to set it all the same.
    Unlikely,
    /// The file cannot be read as it is.
    UnreadableFile,
    /// The columns of the file must be named.
    MappingNeeded,
    /// The idempotency key was used before with another request.
    KeyReused,
    /// Others kept changing the same thing; try again.
    Contended,
}

/// One reason why a change was refused.
#[derive(SimpleObject, Debug, Clone, PartialEq, Eq)]
pub struct UserError {
    /// What kind of reason it is.
    pub code: UserErrorCode,
    /// The reason in plain words, with the values and the bounds.
    pub message: String,
    /// The argument it is about, as a path from the mutation's arguments; empty where it is about none.
    pub field: Vec<String>,
}

impl UserError {
    pub fn new(code: UserErrorCode, message: impl Display, field: &[&str]) -> UserError {
        let field = field.iter().map(|part| (*part).to_owned()).collect();
        UserError { code, message: message.to_string(), field }
    }

    pub fn not_found(what: &str, field: &[&str]) -> UserError {
        UserError::new(UserErrorCode::NotFound, format!("there is no such {what} in this business"), field)
    }
}

/// Gives payloads `From<UserError>`: everything null but the reason.
macro_rules! refusable {
    ($($payload:ident),* $(,)?) => {$(
        impl From<$crate::graphql::refusal::UserError> for $payload {
            fn from(error: $crate::graphql::refusal::UserError) -> Self {
                Self { user_errors: vec![error], ..Self::default() }
            }
        }
    )*};
}
pub(crate) use refusable;

/// A refusal of the layers below, as a user error.
pub trait Refusal: Display {
    fn code(&self) -> UserErrorCode;
    /// The input field it is about, below `input`.
    fn field(&self) -> Option<&'static str> {
        None
    }
}

/// Splits what a command did not do into a refusal for the payload and a fault for `errors`.
pub fn refused<R: Refusal>(error: CommandError<R>) -> Result<UserError, Fault> {
    match error {
        CommandError::Refused(refusal) => {
            let code = refusal.code();
            Ok(match refusal.field() {
                Some(field) => UserError::new(code, &refusal, &["input", field]),
                None => UserError::new(code, &refusal, &[]),
            })
        }
        CommandError::Fault(fault) => fault_of(fault),
    }
}

/// A fault that the caller can mend is a user error too.
pub fn fault_of(fault: CommandFault) -> Result<UserError, Fault> {
    match fault {
        CommandFault::KeyReused { .. } => Ok(UserError::new(UserErrorCode::KeyReused, &fault, &["idempotencyKey"])),
        CommandFault::Contended => Ok(UserError::new(UserErrorCode::Contended, &fault, &[])),
        CommandFault::TooLarge(_) => Ok(UserError::new(UserErrorCode::LimitReached, &fault, &["input"])),
        CommandFault::Busy => Err(Fault::new(Code::Unavailable, fault.to_string())),
        CommandFault::Unavailable(cause) => Err(Fault::unavailable(cause)),
        CommandFault::Internal(cause) => Err(Fault::internal(cause)),
    }
}

impl Refusal for TextError {
    fn code(&self) -> UserErrorCode {
        UserErrorCode::Invalid
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            TextError::Empty { field } | TextError::TooLong { field, .. } | TextError::Control { field, .. } => {
                Some(match *field {
                    "owner name" => "ownerName",
                    "milestone title" => "title",
                    "file name" => "fileName",
                    other => other,
                })
            }
            TextError::NotAnEmail { .. } => Some("email"),
            TextError::NotACurrency { .. } => Some("currency"),
        }
    }
}

impl Refusal for IdentityRefusal {
    fn code(&self) -> UserErrorCode {
        use UserErrorCode::*;
        match self {
            Self::AlreadyRegistered | Self::EmailInUse { .. } => AlreadyExists,
            Self::Text(_) | Self::TimeZone(_) | Self::RoleNotForKeys(_) | Self::ExpiryInThePast(_) => Invalid,
            Self::NotRegistered | Self::NoSuchUser | Self::NoSuchInvitation | Self::NoSuchApiKey => NotFound,
            Self::OwnersOnly | Self::NotAllowed => NotAllowed,
            Self::LastOwner => LastOwner,
            Self::TooMany { .. } => LimitReached,
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Text(error) => error.field(),
            Self::TimeZone(_) => Some("timeZone"),
            Self::EmailInUse { .. } => Some("email"),
            Self::NoSuchUser => Some("userId"),
            Self::NoSuchApiKey => Some("apiKeyId"),
            Self::OwnersOnly | Self::RoleNotForKeys(_) => Some("role"),
            Self::ExpiryInThePast(_) => Some("expiresAt"),
            _ => None,
        }
    }
}

impl Refusal for PersonRefusal {
    fn code(&self) -> UserErrorCode {
        match self {
            Self::Identity(refusal) => refusal.code(),
            Self::NotAPerson => UserErrorCode::NotAllowed,
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Identity(refusal) => refusal.field(),
            Self::NotAPerson => None,
        }
    }
}

impl Refusal for PasswordRefusal {
    fn code(&self) -> UserErrorCode {
        UserErrorCode::Invalid
    }

    fn field(&self) -> Option<&'static str> {
        Some("password")
    }
}

impl Refusal for RegisterRefusal {
    fn code(&self) -> UserErrorCode {
        match self {
            Self::Identity(refusal) => refusal.code(),
            Self::Password(refusal) => refusal.code(),
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Identity(refusal) => refusal.field(),
            Self::Password(refusal) => refusal.field(),
        }
    }
}

impl Refusal for AcceptRefusal {
    fn code(&self) -> UserErrorCode {
        match self {
            Self::Identity(refusal) => refusal.code(),
            Self::Password(refusal) => refusal.code(),
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Identity(IdentityRefusal::NoSuchInvitation) => Some("token"),
            Self::Identity(refusal) => refusal.field(),
            Self::Password(refusal) => refusal.field(),
        }
    }
}

impl Refusal for ChangePasswordRefusal {
    fn code(&self) -> UserErrorCode {
        match self {
            Self::Identity(refusal) => refusal.code(),
            Self::Password(refusal) => refusal.code(),
            Self::WrongPassword => UserErrorCode::WrongCredentials,
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Identity(refusal) => refusal.field(),
            Self::Password(_) => Some("newPassword"),
            Self::WrongPassword => Some("currentPassword"),
        }
    }
}

impl Refusal for LoginRefusal {
    fn code(&self) -> UserErrorCode {
        match self {
            Self::WrongCredentials => UserErrorCode::WrongCredentials,
            Self::TooManyFailures { .. } => UserErrorCode::TooManyFailures,
            Self::ChooseBusiness { .. } => UserErrorCode::ChooseBusiness,
        }
    }
}

impl Refusal for RefreshRefusal {
    fn code(&self) -> UserErrorCode {
        UserErrorCode::SessionEnded
    }

    fn field(&self) -> Option<&'static str> {
        Some("refreshToken")
    }
}

impl Refusal for MetricRefusal {
    fn code(&self) -> UserErrorCode {
        use UserErrorCode::*;
        match self {
            Self::NoSuchMetric => NotFound,
            Self::KeyInUse { .. } | Self::AlreadyDefined => AlreadyExists,
            Self::Archived | Self::Derived => WrongState,
            Self::TooManyPoints { .. } => LimitReached,
            _ => Invalid,
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Text(error) => error.field(),
            Self::TimeZone(_) => Some("timeZone"),
            Self::Key { .. } | Self::KeyInUse { .. } => Some("key"),
            Self::NoSuchMetric => Some("metricId"),
            Self::NoPoints
            | Self::TooManyPoints { .. }
            | Self::TooLarge { .. }
            | Self::InTheFuture { .. }
            | Self::TwoValues { .. } => Some("points"),
            _ => None,
        }
    }
}

impl Refusal for UploadRefusal {
    fn code(&self) -> UserErrorCode {
        match self {
            Self::Text(_) => UserErrorCode::Invalid,
            Self::Empty => UserErrorCode::UnreadableFile,
            Self::TooLarge { .. } => UserErrorCode::LimitReached,
            Self::NotAllowed => UserErrorCode::NotAllowed,
        }
    }
}

impl Refusal for PreviewRefusal {
    fn code(&self) -> UserErrorCode {
        match self {
            Self::NoSuchUpload => UserErrorCode::NotFound,
            Self::Unreadable(_) => UserErrorCode::UnreadableFile,
        }
    }

    fn field(&self) -> Option<&'static str> {
        Some("uploadId")
    }
}

impl Refusal for ImportRefusal {
    fn code(&self) -> UserErrorCode {
        match self {
            Self::NoSuchImport => UserErrorCode::NotFound,
            Self::AlreadyStarted => UserErrorCode::AlreadyExists,
            Self::Ended => UserErrorCode::WrongState,
            _ => UserErrorCode::Invalid,
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::NoSuchImport => Some("importId"),
            Self::NoSuchColumn { .. } | Self::ColumnTwice { .. } => Some("mapping"),
            Self::Delimiter(_) | Self::DecimalSeparator(_) | Self::Encoding(_) => Some("format"),
            _ => None,
        }
    }
}

impl Refusal for StartRefusal {
    fn code(&self) -> UserErrorCode {
        match self {
            Self::Preview(refusal) => refusal.code(),
            Self::Import(refusal) => refusal.code(),
            Self::NoMapping { .. } => UserErrorCode::MappingNeeded,
            Self::NoSuchCorrected => UserErrorCode::NotFound,
            Self::CorrectedFileGone => UserErrorCode::WrongState,
            Self::NotAPerson => UserErrorCode::NotAllowed,
            _ => UserErrorCode::Invalid,
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Preview(refusal) => refusal.field(),
            Self::Import(refusal) => refusal.field(),
            Self::NoMapping { .. } => Some("mapping"),
            Self::NoSuchCorrected | Self::CorrectedFileGone => Some("corrects"),
            Self::NotAPerson => None,
            _ => Some("currency"),
        }
    }
}

impl Refusal for RunRefusal {
    fn code(&self) -> UserErrorCode {
        match self {
            Self::NotFound => UserErrorCode::NotFound,
            Self::Ended | Self::NoPlan => UserErrorCode::WrongState,
            Self::TooManyGoals { .. } => UserErrorCode::LimitReached,
            Self::Request { .. } => UserErrorCode::Invalid,
            Self::TooMany { .. } => UserErrorCode::LimitReached,
            Self::NotAPerson => UserErrorCode::NotAllowed,
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::NotFound | Self::Ended | Self::NoPlan => Some("runId"),
            Self::Request { field, .. } => Some(field),
            Self::TooManyGoals { .. } => Some("follow"),
            Self::TooMany { .. } | Self::NotAPerson => None,
        }
    }
}

impl Refusal for AcceptPlanRefusal {
    fn code(&self) -> UserErrorCode {
        match self {
            Self::Run(refusal) => refusal.code(),
            Self::Goal(refusal) => refusal.code(),
            Self::Text(refusal) => refusal.code(),
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Run(refusal) => refusal.field(),
            Self::Goal(_) => Some("follow"),
            Self::Text(refusal) => refusal.field(),
        }
    }
}

impl Refusal for EvidenceRefusal {
    fn code(&self) -> UserErrorCode {
        match self {
            Self::NoSuchOccasion | Self::NoSuchModel => UserErrorCode::NotFound,
            Self::TooMany { .. } => UserErrorCode::LimitReached,
            Self::NotAPerson => UserErrorCode::NotAllowed,
            _ => UserErrorCode::Invalid,
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::NoSuchOccasion => Some("occasionId"),
            Self::NoSuchModel => Some("modelId"),
            Self::Text(error) => error.field(),
            Self::EndsBeforeItBegins { .. } | Self::TooLong { .. } => Some("last"),
            Self::Years { .. } => Some("lastYear"),
            _ => None,
        }
    }
}

impl Refusal for ModelRefusal {
    fn code(&self) -> UserErrorCode {
        match self {
            Self::Evidence(refusal) => refusal.code(),
            Self::Run(refusal) => refusal.code(),
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Evidence(refusal) => refusal.field(),
            Self::Run(refusal) => refusal.field(),
        }
    }
}

impl Refusal for ConstraintRefusal {
    fn code(&self) -> UserErrorCode {
        match self {
            Self::NotFound => UserErrorCode::NotFound,
            Self::Removed => UserErrorCode::WrongState,
            Self::OtherFamily { .. } | Self::Text(_) | Self::Limit { .. } => UserErrorCode::Invalid,
            Self::TooMany { .. } => UserErrorCode::LimitReached,
            Self::NotAPerson => UserErrorCode::NotAllowed,
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::NotFound | Self::Removed => Some("constraintId"),
            Self::OtherFamily { .. } => Some("family"),
            Self::Text(error) => error.field(),
            Self::Limit { .. } => Some("limit"),
            Self::TooMany { .. } | Self::NotAPerson => None,
        }
    }
}

impl Refusal for GoalRefusal {
    fn code(&self) -> UserErrorCode {
        use UserErrorCode::*;
        match self {
            Self::NoSuchGoal | Self::NoSuchOwner | Self::NoSuchMetric | Self::NoSuchMilestone => NotFound,
            Self::AlreadyExists | Self::MilestoneExists => AlreadyExists,
            Self::Unlikely(_) => Unlikely,
            Self::TooManyMilestones { .. } | Self::TooLong { .. } => LimitReached,
            Self::MetricArchived
            | Self::AlreadyStarted { .. }
            | Self::Closed(_)
            | Self::AlreadyPaused
            | Self::NotPaused
            | Self::DueWhilePaused { .. }
            | Self::NotManual => WrongState,
            _ => Invalid,
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Text(error) => error.field(),
            Self::NoSuchGoal => Some("goalId"),
            Self::NoSuchOwner => Some("ownerId"),
            Self::NoSuchMetric | Self::MetricArchived | Self::AggregationUnfit { .. } => Some("measure"),
            Self::DueBeforeStart { .. }
            | Self::DueInThePast { .. }
            | Self::TooLong { .. }
            | Self::ShorterThanAPeriod { .. } => Some("due"),
            Self::AlreadyStarted { .. } => Some("start"),
            Self::BaselineUnknown
            | Self::TargetNotAhead { .. }
            | Self::BoundsReversed { .. }
            | Self::ShareOutOfRange { .. }
            | Self::TotalWithinBounds => Some("aim"),
            Self::Unlikely(_) => Some("acknowledge"),
            Self::NoWayForMilestones
            | Self::MilestoneOffTheWay { .. }
            | Self::MilestoneDueOutside { .. }
            | Self::TooManyMilestones { .. }
            | Self::MilestoneExists => Some("milestones"),
            Self::NoSuchMilestone => Some("milestoneId"),
            Self::DayOutside { .. } => Some("day"),
            Self::ReasonNeeded => Some("reason"),
            Self::DueWhilePaused { .. } => Some("moveDue"),
            Self::AmountTooLarge { .. } => Some("value"),
            _ => None,
        }
    }
}
