//! Who may do what: the actor, the permissions of roles, and Cedar policies checked against a schema.
//!
//! A permission is `resource:action`; a role lists permissions, each reaching everywhere, only into the
//! holder's customer (`:own`) or only to what is the holder's own (`:self`). [`RoleBook`] knows the roles,
//! [`Actor`] holds what its roles add up to, and [`Policies::require`] decides by the general rule in
//! `common.cedar` and the service's own file. Promise: what no policy permits is denied, and a
//! policy that does not fit its schema stops the program at start.
//! Knows no business word: resources, actions and roles come from the services.

mod actor;
mod engine;
mod permission;
mod question;

pub use actor::{Actor, Origin, Principal};
pub use engine::{Denial, Denied, Policies, PolicyError, Resource, Witness};
pub use permission::{Grant, Holdings, Permission, PermissionError, Reach, RoleBook, Scope};
