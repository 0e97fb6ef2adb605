//! A command made ready for the database: validated, sealed, in canonical bytes, hashed. All of it happens on the
//! caller's task; the lanes only pass it on.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::{
    AppendError, ExpectedVersion, Idempotency, InvalidAppend, Metadata, NewEvent, StreamAppend, StreamId, TenantId,
    Written,
    append::{MAX_COMMAND_BYTES, MAX_EVENT_BYTES, MAX_EVENTS},
    envelope,
    keys::{KeyError, SubjectKeys},
    seal,
};

pub(crate) struct Command {
    pub tenant: TenantId,
    pub slices: Vec<Slice>,
    pub at: Timestamp,
    pub actor: String,
    pub idempotency: Option<Idempotency>,
    pub events: usize,
    pub bytes: usize,
}

/// A command's part on one stream.
pub(crate) struct Slice {
    pub stream: StreamId,
    pub expected: ExpectedVersion,
    pub events: Vec<Event>,
}

pub(crate) struct Event {
    pub event_type: std::borrow::Cow<'static, str>,
    pub body: String,
    pub leaf_hash: [u8; 32],
}

pub(crate) async fn prepare(
    tenant: TenantId,
    streams: Vec<StreamAppend>,
    mut metadata: Metadata,
    idempotency: Option<Idempotency>,
    keys: &SubjectKeys,
) -> Result<Command, AppendError> {
    validate(&streams, &metadata, idempotency.as_ref())?;
    metadata.at = envelope::to_microseconds(metadata.at);

    let mut subjects = BTreeSet::new();
    for event in streams.iter().flat_map(|stream| &stream.events) {
        subjects.append(&mut seal::subjects_to_seal(&event.data).map_err(InvalidAppend::Personal)?);
    }
    let subject_keys = match subjects.is_empty() {
        true => Default::default(),
        false => keys.to_seal(tenant, &subjects).await?,
    };

    let mut command = Command {
        tenant,
        slices: Vec::with_capacity(streams.len()),
        at: metadata.at,
        actor: metadata.actor.clone(),
        idempotency,
        events: 0,
        bytes: 0,
    };
    for StreamAppend { stream, expected, events } in streams {
        let mut prepared = Vec::with_capacity(events.len());
        for mut event in events {
            if !subject_keys.is_empty() {
                seal::seal(&mut event.data, tenant, &subject_keys);
            }
            let body = envelope::write(tenant, &stream, &event, &metadata).map_err(InvalidAppend::Number)?;
            at_most("bytes of an event", body.len(), MAX_EVENT_BYTES)?;
            command.bytes += body.len();
            command.events += 1;
            let leaf_hash = envelope::leaf_hash(body.as_bytes());
            prepared.push(Event { event_type: event.event_type, body, leaf_hash });
        }
        command.slices.push(Slice { stream, expected, events: prepared });
    }
    at_most("bytes of a command", command.bytes, MAX_COMMAND_BYTES)?;
    Ok(command)
}

fn validate(
    streams: &[StreamAppend],
    metadata: &Metadata,
    idempotency: Option<&Idempotency>,
) -> Result<(), AppendError> {
    if streams.is_empty() {
        return Err(InvalidAppend::NoStreams.into());
    }
    length("the actor", &metadata.actor, 200)?;
    length("the command's name", &metadata.command, 200)?;
    if let Some(idempotency) = idempotency {
        length("the idempotency key", &idempotency.key, 200)?;
    }
    let mut seen = BTreeSet::new();
    for StreamAppend { stream, expected, events } in streams {
        if !seen.insert(stream) {
            return Err(InvalidAppend::RepeatedStream { stream: stream.clone() }.into());
        }
        if matches!(expected, ExpectedVersion::Exact(version) if *version < 0) {
            return Err(InvalidAppend::Expected { stream: stream.clone(), expected: *expected }.into());
        }
        if events.is_empty() {
            return Err(InvalidAppend::NoEvents { stream: stream.clone() }.into());
        }
        events.iter().try_for_each(validate_event)?;
    }
    at_most("events of a command", streams.iter().map(|stream| stream.events.len()).sum(), MAX_EVENTS)
}

fn validate_event(event: &NewEvent) -> Result<(), AppendError> {
    let event_type = event.event_type.as_ref();
    if !(1..=100).contains(&event_type.len()) || !event_type.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(InvalidAppend::EventType { value: event_type.to_owned() }.into());
    }
    if event.schema_version < 1 {
        return Err(
            InvalidAppend::SchemaVersion { event_type: event_type.to_owned(), value: event.schema_version }.into()
        );
    }
    Ok(())
}

/// Text columns take any UTF-8 but the zero byte.
fn length(field: &'static str, value: &str, limit: usize) -> Result<(), AppendError> {
    if !(1..=limit).contains(&value.len()) {
        return Err(InvalidAppend::Length { field, bytes: value.len(), limit }.into());
    }
    match value.contains('\0') {
        true => Err(InvalidAppend::ZeroByte { field }.into()),
        false => Ok(()),
    }
}

fn at_most(what: &'static str, size: usize, limit: usize) -> Result<(), AppendError> {
    match size <= limit {
        true => Ok(()),
        false => Err(AppendError::TooLarge { what, size, limit }),
    }
}

impl From<KeyError> for AppendError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Erased { subject } => Self::SubjectErased { subject },
            KeyError::Seal(error) => InvalidAppend::Personal(error).into(),
            // The keys are fetched before anything is appended.
            KeyError::Database(source) => Self::Unavailable { written: Written::No, source },
        }
    }
}
