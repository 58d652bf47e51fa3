//! Who acts: the first argument of every use case.

use std::net::IpAddr;
use std::sync::Arc;

use uuid::Uuid;

use crate::permission::{Holdings, Reach};

/// Who somebody is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// Nobody has signed in.
    Anonymous,
    /// A person.
    User {
        /// The account.
        id: Uuid,
        /// The session the token belongs to.
        session: Uuid,
        /// The e-mail address in the token.
        email: String,
        /// The person's main customer.
        customer: Option<Uuid>,
    },
    /// A program of somebody's, on its own behalf.
    Client {
        /// Its registration.
        id: Uuid,
        /// What it was called when it got its token.
        name: String,
    },
    /// One of Backline's services on its own behalf.
    Service(String),
}

/// Where a request came from. For the audit log alone: no decision looks at it, because over the network it is
/// only what the process in front says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The client's address, as the gateway knows it.
    pub address: Option<IpAddr>,
    /// The browser or program, as it names itself.
    pub agent: Option<Arc<str>>,
}

/// A principal and what it may do. Made from a verified token only (or as [`Actor::anonymous`]).
#[derive(Clone, Debug)]
pub struct Actor {
    principal: Principal,
    holdings: Arc<Holdings>,
    /// The roles' names, for display and headers; decisions use the holdings.
    roles: Arc<[String]>,
    /// The token that proved it, passed on in calls to other services.
    token: Option<Arc<str>>,
    origin: Origin,
}

impl Actor {
    /// Nobody in particular.
    pub fn anonymous() -> Self {
        Self::new(Principal::Anonymous, Holdings::default(), vec![], None)
    }

    /// An actor whose token has been verified.
    pub fn new(
        principal: Principal,
        holdings: Holdings,
        roles: Vec<String>,
        token: Option<Arc<str>>,
    ) -> Self {
        let origin = Origin::default();
        Self { principal, holdings: Arc::new(holdings), roles: roles.into(), token, origin }
    }

    /// The same actor, with where its request came from.
    pub fn from_origin(self, origin: Origin) -> Self {
        Self { origin, ..self }
    }

    /// Where the request came from; for the audit log.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Who it is.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// What it may do.
    pub fn holdings(&self) -> &Holdings {
        &self.holdings
    }

    /// How far one permission reaches for this actor.
    pub fn reach(&self, permission: &str) -> Reach {
        self.holdings.reach(permission)
    }

    /// Names of the roles, each once.
    pub fn roles(&self) -> &[String] {
        &self.roles
    }

    /// The account, when a person acts.
    pub fn user_id(&self) -> Option<Uuid> {
        match &self.principal {
            Principal::User { id, .. } => Some(*id),
            _ => None,
        }
    }

    /// The token to pass on.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Whether nobody has signed in.
    pub fn is_anonymous(&self) -> bool {
        self.principal == Principal::Anonymous
    }
}
