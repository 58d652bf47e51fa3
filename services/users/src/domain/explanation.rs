//! Why an account may do something, or may not, as far as its roles decide it. Pure rules.

use contracts::ids::CustomerId;
use policies::{Permission, Scope};

use super::{Grant, RoleName, User};

/// What is asked: may the account do this, there?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// `resource:action`.
    pub permission: String,
    /// To what belongs to this customer; to whatever there is when absent.
    pub customer: Option<CustomerId>,
}

/// A role and what it permits.
#[derive(Clone, Debug)]
pub struct RolePermissions {
    pub role: RoleName,
    pub permissions: Vec<Permission>,
}

/// How far a permission goes by one role as it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceReach {
    /// To everything.
    Everywhere,
    /// To what belongs to the customer in which the role is held.
    Customer(CustomerId),
    /// To what is the account's own.
    Own,
    /// Nowhere: it would count inside a customer, and the role is held in none; or the other way round.
    Nothing,
}

/// A role that lists the permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub grant: Grant,
    /// As the role lists it.
    pub listed: Permission,
    pub reach: SourceReach,
    /// Whether it alone permits what was asked.
    pub is_enough: bool,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub question: Question,
    /// A disabled account has no session and may do nothing.
    pub is_active: bool,
    pub is_permitted: bool,
    /// Whether it may do so to what is its own.
    pub is_permitted_for_own: bool,
    pub sources: Vec<Source>,
    /// What would permit it, when nothing does: a role, and where it would have to be given.
    pub remedies: Vec<Grant>,
}

/// Looks at every role that the account holds.
pub fn explain(user: &User, roles: &[RolePermissions], question: Question) -> Explanation {
    let sources: Vec<Source> =
        user.roles.iter().flat_map(|grant| sources_of(grant, roles, &question)).collect();
    let is_permitted = user.is_active && sources.iter().any(|source| source.is_enough);
    let is_for_own = |source: &Source| source.is_enough || source.reach == SourceReach::Own;
    let remedies =
        if is_permitted || !user.is_active { vec![] } else { remedies(roles, &question) };
    Explanation {
        is_active: user.is_active,
        is_permitted_for_own: user.is_active && sources.iter().any(is_for_own),
        is_permitted,
        sources,
        remedies,
        question,
    }
}

fn sources_of(grant: &Grant, roles: &[RolePermissions], question: &Question) -> Vec<Source> {
    let role = roles.iter().find(|known| known.role == *grant.role());
    let listed = role.into_iter().flat_map(|role| &role.permissions);
    let meant = listed
        .filter(|listed| [Permission::EVERYTHING, &question.permission].contains(&&*listed.name));
    let source = |listed: &Permission| {
        let reach = reach(listed, grant.customer());
        let is_enough = is_enough(reach, question);
        Source { grant: grant.clone(), listed: listed.clone(), reach, is_enough }
    };
    meant.map(source).collect()
}

/// As [`policies::Holdings`] adds it up; a test holds the two together.
fn reach(listed: &Permission, held_in: Option<CustomerId>) -> SourceReach {
    match (listed.scope, held_in) {
        _ if listed.name == Permission::EVERYTHING => {
            if held_in.is_none() {
                SourceReach::Everywhere
            } else {
                SourceReach::Nothing
            }
        }
        (Scope::Itself, _) => SourceReach::Own,
        (_, Some(customer)) => SourceReach::Customer(customer),
        (Scope::Any, None) => SourceReach::Everywhere,
        (Scope::Own, None) => SourceReach::Nothing,
    }
}

fn is_enough(reach: SourceReach, question: &Question) -> bool {
    match reach {
        SourceReach::Everywhere => true,
        SourceReach::Customer(customer) => question.customer == Some(customer),
        SourceReach::Own | SourceReach::Nothing => false,
    }
}

fn remedies(roles: &[RolePermissions], question: &Question) -> Vec<Grant> {
    let places = [question.customer, None];
    let mut remedies: Vec<Grant> = vec![];
    for known in roles {
        // Inside the customer, where that is enough: nobody needs to be given more.
        let grants = places.iter().map(|place| Grant::new(known.role.clone(), *place));
        let fits = |grant: &Grant| {
            sources_of(grant, roles, question).iter().any(|source| source.is_enough)
        };
        remedies.extend(grants.filter(fits).take(1));
    }
    remedies
}
