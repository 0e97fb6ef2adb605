use uuid::Uuid;

use super::*;
use crate::event::Aggregate;

fn id<T: From<Uuid>>(n: u128) -> T {
    T::from(Uuid::from_u128(n))
}

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn registration() -> BusinessCommand {
    BusinessCommand::Register {
        name: "Corner Shop".into(),
        time_zone: "Europe/Berlin".into(),
        currency: "eur".into(),
        owner: NewUser { user_id: id(1), email: "Ada@Example.com".into(), name: "Ada".into(), credential_id: id(100) },
    }
}

fn given(commands: Vec<BusinessCommand>) -> Business {
    commands.into_iter().fold(Business::default(), |business, command| {
        let events = decide(&business, command, now()).unwrap();
        events.iter().fold(business, Business::evolve)
    })
}

fn joined(user: u128, role: Role) -> Vec<BusinessCommand> {
    vec![
        BusinessCommand::Invite {
            invitation_id: id(user + 1000),
            user_id: id(user),
            email: format!("user{user}@example.com"),
            role,
            by: id(1),
        },
        BusinessCommand::AcceptInvitation {
            invitation_id: id(user + 1000),
            name: "Someone".into(),
            credential_id: id(user + 2000),
        },
    ]
}

#[test]
fn registering_makes_the_first_owner() {
    let business = given(vec![registration()]);
    let owner = business.active_user(id(1)).unwrap();
    assert_eq!((owner.role, owner.email.as_deref()), (Role::Owner, Some("ada@example.com")));
    assert_eq!(business.profile.as_ref().unwrap().currency, "EUR");
}

#[test]
fn a_business_is_registered_once() {
    let business = given(vec![registration()]);
    assert_eq!(decide(&business, registration(), now()), Err(IdentityRefusal::AlreadyRegistered));
}

#[test]
fn the_last_owner_can_neither_be_removed_nor_demoted() {
    let business = given(vec![registration()]);
    let remove = BusinessCommand::RemoveUser { user_id: id(1), by: id(1) };
    assert_eq!(decide(&business, remove, now()), Err(IdentityRefusal::LastOwner));
    let demote = BusinessCommand::ChangeRole { user_id: id(1), role: Role::Member, by: id(1) };
    assert_eq!(decide(&business, demote, now()), Err(IdentityRefusal::LastOwner));
}

#[test]
fn an_admin_cannot_make_owners() {
    let business = given([vec![registration()], joined(2, Role::Admin), joined(3, Role::Member)].concat());
    let promote = BusinessCommand::ChangeRole { user_id: id(3), role: Role::Owner, by: id(2) };
    assert_eq!(decide(&business, promote, now()), Err(IdentityRefusal::OwnersOnly));
}

#[test]
fn members_and_auditors_manage_no_one() {
    for role in [Role::Member, Role::Auditor] {
        let business = given([vec![registration()], joined(2, role)].concat());
        let remove = BusinessCommand::RemoveUser { user_id: id(1), by: id(2) };
        assert_eq!(decide(&business, remove, now()), Err(IdentityRefusal::NotAllowed));
    }
}

#[test]
fn an_invitation_expires_after_a_week_and_works_once() {
    let business = given([vec![registration()], joined(2, Role::Member)].concat());
    let again = BusinessCommand::AcceptInvitation { invitation_id: id(1002), name: "X".into(), credential_id: id(9) };
    assert_eq!(decide(&business, again.clone(), now()), Err(IdentityRefusal::NoSuchInvitation));

    let business = given(vec![registration(), joined(2, Role::Member).remove(0)]);
    let late = now() + INVITATION_LIFE;
    assert_eq!(decide(&business, again, late), Err(IdentityRefusal::NoSuchInvitation));
}

#[test]
fn a_second_invitation_of_an_address_replaces_the_first() {
    let invite = |n: u128| BusinessCommand::Invite {
        invitation_id: id(n),
        user_id: id(n + 1),
        email: "bob@example.com".into(),
        role: Role::Member,
        by: id(1),
    };
    let business = given(vec![registration(), invite(10), invite(20)]);
    assert!(business.invitations[&id(10)].closed);
    assert!(!business.invitations[&id(20)].closed);
}

#[test]
fn an_api_key_is_never_an_owner() {
    let business = given(vec![registration()]);
    let create = BusinessCommand::CreateApiKey {
        api_key_id: id(5),
        name: "till".into(),
        role: Role::Owner,
        prefix: "dyk_ab".into(),
        expires_at: None,
        by: id(1),
    };
    assert_eq!(decide(&business, create, now()), Err(IdentityRefusal::RoleNotForKeys(Role::Owner)));
}

#[test]
fn the_keys_of_a_person_are_revoked_with_the_persons_access_and_no_others() {
    let key = |n: u128, by: u128| BusinessCommand::CreateApiKey {
        api_key_id: id(n),
        name: "till".into(),
        role: Role::Member,
        prefix: "dyk_ab".into(),
        expires_at: None,
        by: id(by),
    };
    let revoke = BusinessCommand::RevokeApiKey { api_key_id: id(7), by: id(1) };
    let commands =
        [vec![registration()], joined(2, Role::Admin), vec![key(5, 1), key(6, 2), key(7, 2), key(8, 2), revoke]];
    let business = given(commands.concat());
    let taken: Vec<BusinessEvent> = vec![
        UserRemoved { user_id: id(2), removed_by: id(1) }.into(),
        ApiKeyRevoked { api_key_id: id(6), revoked_by: id(1) }.into(),
        ApiKeyRevoked { api_key_id: id(8), revoked_by: id(1) }.into(),
    ];
    let remove = BusinessCommand::RemoveUser { user_id: id(2), by: id(1) };
    assert_eq!(decide(&business, remove, now()).unwrap(), taken);
    let erase = BusinessCommand::RequestErasure { user_id: id(2), by: id(1) };
    assert_eq!(decide(&business, erase, now()).unwrap()[..3], taken);
}

#[test]
fn a_session_ends_once() {
    let started = start_session(id(7), id(1), "Browser\n1.0", now() + SignedDuration::from_hours(1));
    let session = Session::default().evolve(&started);
    assert!(session.is_live(now()));
    let ended = end_session(&session, SessionEnd::LoggedOut);
    let session = session.evolve(&ended[0]);
    assert!(!session.is_live(now()));
    assert_eq!(end_session(&session, SessionEnd::LoggedOut), vec![]);
}

#[test]
fn erasure_ends_access_is_confirmed_once_and_may_be_asked_for_again() {
    let business = given([vec![registration()], joined(2, Role::Member)].concat());
    let erase = BusinessCommand::RequestErasure { user_id: id(2), by: id(1) };
    let confirm = BusinessCommand::ConfirmErasure { user_id: id(2) };
    assert_eq!(decide(&business, confirm.clone(), now()), Ok(vec![]), "nobody asked for it");
    let events = decide(&business, erase.clone(), now()).unwrap();
    let expected: Vec<BusinessEvent> = vec![
        UserRemoved { user_id: id(2), removed_by: id(1) }.into(),
        ErasureRequested { user_id: id(2), requested_by: id(1) }.into(),
    ];
    assert_eq!(events, expected);
    let business = events.iter().fold(business, Business::evolve);
    assert_eq!(decide(&business, erase.clone(), now()), Ok(vec![]));
    let events = decide(&business, confirm.clone(), now()).unwrap();
    assert_eq!(events, vec![SubjectErased { user_id: id(2) }.into()]);
    let business = events.iter().fold(business, Business::evolve);
    assert_eq!(decide(&business, confirm, now()), Ok(vec![]));
    assert_eq!(decide(&business, erase, now()), Ok(vec![]));
}
