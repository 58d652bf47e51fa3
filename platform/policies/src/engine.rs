//! Decisions by Cedar.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cedar_policy::{
    ActionConstraint, Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName,
    EntityUid, Policy, PolicySet, Request, Response, RestrictedExpression, Schema, ValidationMode,
    Validator,
};
use uuid::Uuid;

use crate::actor::Actor;
use crate::permission::Reach;
use crate::question::{Asker, Permitted, Question};

const COMMON_SCHEMA: &str = include_str!("common.cedarschema");
const COMMON_POLICIES: &str = include_str!("common.cedar");

/// The policies or their schema are wrong. Found at start, never while serving.
#[derive(Debug, thiserror::Error)]
#[error("policies of `{service}`: {reason}")]
pub struct PolicyError {
    service: String,
    reason: String,
}

/// The actor may not do this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Nobody has signed in; doing so may help.
    #[error("sign in to do this")]
    Anonymous,
    /// Known, and not permitted.
    #[error("not permitted: this needs the permission `{0}` here")]
    NotPermitted(String),
}

/// What an action is done to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Resource {
    kind: &'static str,
    id: String,
    owner: Option<Uuid>,
    customer: Option<Uuid>,
    flags: Vec<(&'static str, bool)>,
}

impl Resource {
    /// A resource of an entity type of the service's schema.
    pub fn new(kind: &'static str, id: impl ToString) -> Self {
        Self { kind, id: id.to_string(), owner: None, customer: None, flags: vec![] }
    }

    /// All resources of a type together, such as a list or one that is yet to be made.
    pub fn any(kind: &'static str) -> Self {
        Self::new(kind, "*")
    }

    /// Whose it is.
    pub fn owner(mut self, owner: impl Into<Uuid>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// The customer it belongs to.
    pub fn customer(mut self, customer: impl Into<Uuid>) -> Self {
        self.customer = Some(customer.into());
        self
    }

    /// A yes-or-no attribute of the service's schema.
    pub fn flag(mut self, name: &'static str, value: bool) -> Self {
        self.flags.push((name, value));
        self
    }
}

/// What was denied, to whom, and why.
#[derive(Clone, Debug)]
pub struct Denial {
    /// Who wanted it.
    pub actor: Actor,
    /// What: also the permission that would have been needed.
    pub action: String,
    /// The type of what it was to be done to.
    pub kind: &'static str,
    /// Which one; `*` for all together.
    pub id: String,
    /// The customer that it belongs to.
    pub customer: Option<Uuid>,
    /// How far the actor's permission goes, which was not far enough or was overruled.
    pub reach: Reach,
    /// The ids of the policies that forbid it. None: no policy permits it.
    pub forbidden_by: Vec<String>,
}

/// Is told of every denial of somebody who has signed in. It must neither wait nor fail.
pub trait Witness: Send + Sync {
    /// Somebody was denied something.
    fn denied(&self, denial: Denial);
}

/// One service's policies. Clones share them.
#[derive(Clone)]
pub struct Policies {
    inner: Arc<Inner>,
    witness: Option<Arc<dyn Witness>>,
}

struct Inner {
    service: String,
    /// A small set for each action, because deciding takes time for every policy it looks at.
    by_action: HashMap<String, (EntityUid, PolicySet)>,
    authorizer: Authorizer,
    permitted: Permitted,
}

impl Policies {
    /// Parses a service's policies and schema and validates them strictly.
    pub fn load(service: &str, schema: &str, policies: &str) -> Result<Self, PolicyError> {
        let fail = |reason: String| PolicyError { service: service.to_owned(), reason };
        let (schema, _) = Schema::from_cedarschema_str(&format!("{COMMON_SCHEMA}\n{schema}"))
            .map_err(|error| fail(error.to_string()))?;
        let set: PolicySet = format!("{COMMON_POLICIES}\n{policies}")
            .parse()
            .map_err(|error: cedar_policy::ParseErrors| fail(error.to_string()))?;
        let validation = Validator::new(schema.clone()).validate(&set, ValidationMode::Strict);
        if !validation.validation_passed() {
            return Err(fail(validation.to_string()));
        }
        let mut by_action = HashMap::new();
        for action in schema.actions() {
            let relevant = set.policies().filter(|policy| concerns(policy, action)).cloned();
            let relevant =
                PolicySet::from_policies(relevant).map_err(|error| fail(error.to_string()))?;
            by_action.insert(action.id().unescaped().to_owned(), (action.clone(), relevant));
        }
        let service = service.to_owned();
        let (authorizer, permitted) = (Authorizer::new(), Permitted::new());
        let inner = Arc::new(Inner { service, by_action, authorizer, permitted });
        Ok(Self { inner, witness: None })
    }

    /// Has `witness` told of every denial.
    pub fn watched_by(self, witness: Arc<dyn Witness>) -> Self {
        Self { witness: Some(witness), ..self }
    }

    /// Every action of the service's schema.
    pub fn actions(&self) -> impl Iterator<Item = &str> {
        self.inner.by_action.keys().map(String::as_str)
    }

    /// `Ok` if the actor may do `action` to `resource`. A denial is logged with who, what and on what, and the
    /// witness is told why. Where it is permitted nothing is added to the decision itself.
    pub fn require(&self, actor: &Actor, action: &str, resource: &Resource) -> Result<(), Denied> {
        let Err(response) = self.decide(actor, action, resource) else { return Ok(()) };
        tracing::info!(
            target: "audit",
            service = self.inner.service, action, kind = resource.kind, id = resource.id,
            principal = ?actor.principal(), "denied"
        );
        if actor.is_anonymous() {
            return Err(Denied::Anonymous);
        }
        if let Some(witness) = &self.witness {
            let forbidden_by = self.forbidding(action, response.as_ref());
            witness.denied(denial(actor, action, resource, forbidden_by));
        }
        Err(Denied::NotPermitted(action.to_owned()))
    }

    /// Whether the actor may; for views that only leave things out.
    pub fn permits(&self, actor: &Actor, action: &str, resource: &Resource) -> bool {
        self.decide(actor, action, resource).is_ok()
    }

    /// Permitted, or what Cedar says to the contrary.
    fn decide(
        &self,
        actor: &Actor,
        action: &str,
        resource: &Resource,
    ) -> Result<(), Option<Response>> {
        let question = Question::new(actor, action, resource);
        if self.inner.permitted.contains(&question) {
            return Ok(());
        }
        let response = self.ask_cedar(&question);
        if response.as_ref().is_none_or(|response| response.decision() == Decision::Deny) {
            return Err(response);
        }
        self.inner.permitted.remember(question);
        Ok(())
    }

    /// What Cedar says; nothing, which is a denial, when the question itself is wrong.
    fn ask_cedar(&self, question: &Question) -> Option<Response> {
        let Some((action, policies)) = self.inner.by_action.get(&question.action) else {
            let (service, action) = (&self.inner.service, &question.action);
            tracing::error!(service, action, "no such action in the schema, denied");
            return None;
        };
        let principal = principal_entity(&question.asker)?;
        let resource = resource_entity(&question.resource)?;
        let (p, a, r) = (principal.uid(), action.clone(), resource.uid());
        let request = Request::new(p, a, r, Context::empty(), None).ok()?;
        let entities = Entities::from_entities([principal, resource], None).ok()?;
        Some(self.inner.authorizer.is_authorized(&request, policies, &entities))
    }

    /// The policies behind a denial, by the ids they have in their files.
    fn forbidding(&self, action: &str, response: Option<&Response>) -> Vec<String> {
        let (Some(response), Some((_, policies))) = (response, self.inner.by_action.get(action))
        else {
            return vec![];
        };
        let name = |id| match policies.policy(id).and_then(|policy| policy.annotation("id")) {
            Some(name) => name.to_owned(),
            None => id.to_string(),
        };
        response.diagnostics().reason().map(name).collect()
    }
}

fn denial(actor: &Actor, action: &str, resource: &Resource, forbidden_by: Vec<String>) -> Denial {
    Denial {
        actor: actor.clone(),
        action: action.to_owned(),
        kind: resource.kind,
        id: resource.id.clone(),
        customer: resource.customer,
        reach: actor.reach(action),
        forbidden_by,
    }
}

fn concerns(policy: &Policy, action: &EntityUid) -> bool {
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(only) => only == *action,
        ActionConstraint::In(several) => several.contains(action),
    }
}

fn principal_entity(asker: &Asker) -> Option<Entity> {
    let (kind, id, attributes) = match asker {
        Asker::Anonymous => ("Anonymous", "anonymous".to_owned(), HashMap::new()),
        Asker::Service(name) => ("Service", name.clone(), HashMap::new()),
        Asker::User { id, reach } => {
            let customers = reach.customers.iter().map(|customer| text(&customer.to_string()));
            let attributes = HashMap::from([
                ("id".to_owned(), text(&id.to_string())),
                ("everywhere".to_owned(), RestrictedExpression::new_bool(reach.everywhere)),
                ("customers".to_owned(), RestrictedExpression::new_set(customers)),
                ("itself".to_owned(), RestrictedExpression::new_bool(reach.itself)),
            ]);
            ("User", id.to_string(), attributes)
        }
    };
    Entity::new(uid(kind, &id)?, attributes, HashSet::new()).ok()
}

fn resource_entity(resource: &Resource) -> Option<Entity> {
    let id_or_empty = |id: Option<Uuid>| text(&id.map(|id| id.to_string()).unwrap_or_default());
    let mut attributes = HashMap::from([
        ("owner".to_owned(), id_or_empty(resource.owner)),
        ("customer".to_owned(), id_or_empty(resource.customer)),
    ]);
    for (name, value) in &resource.flags {
        attributes.insert((*name).to_owned(), RestrictedExpression::new_bool(*value));
    }
    Entity::new(uid(resource.kind, &resource.id)?, attributes, HashSet::new()).ok()
}

fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}

fn uid(kind: &str, id: &str) -> Option<EntityUid> {
    let kind: EntityTypeName = kind.parse().ok()?;
    Some(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Grant, Principal, RoleBook};

    const SCHEMA: &str = r#"
        entity Doc = { owner: String, customer: String, public: Bool };
        action "docs:read", "docs:update" appliesTo { principal: [User, Anonymous, Service], resource: [Doc] };
    "#;
    const POLICIES: &str = r#"
        @id("public") permit (principal, action == Action::"docs:read", resource) when { resource.public };
        @id("archive") permit (principal == Service::"archive", action == Action::"docs:update", resource);
        @id("sealed") forbid (principal is User, action == Action::"docs:update", resource) when { resource.public };
    "#;

    fn policies() -> Policies {
        Policies::load("docs", SCHEMA, POLICIES).expect("valid policies")
    }

    fn user(grants: &[Grant]) -> (Uuid, Actor) {
        let book = RoleBook::default();
        let permissions = ["docs:read:own", "docs:update:self"].map(|p| p.parse().expect("valid"));
        book.set("clerk", permissions.to_vec());
        let id = Uuid::now_v7();
        let principal =
            Principal::User { id, session: Uuid::now_v7(), email: String::new(), customer: None };
        (id, Actor::new(principal, book.holdings(grants), vec![], None))
    }

    fn doc() -> Resource {
        Resource::new("Doc", 1).flag("public", false)
    }

    #[test]
    fn a_typo_in_a_policy_is_refused_at_load() {
        let typo = r#"permit (principal, action == Action::"docs:read", resource) when { resource.pubic };"#;
        let refused = Policies::load("docs", SCHEMA, typo).err().expect("refused");
        assert!(refused.to_string().contains("pubic"), "{refused}");
    }

    #[test]
    fn what_no_policy_permits_is_denied() {
        let anonymous = Actor::anonymous();
        assert_eq!(policies().require(&anonymous, "docs:update", &doc()), Err(Denied::Anonymous));
        let (_, nobody) = user(&[]);
        let denied = Err(Denied::NotPermitted("docs:read".into()));
        assert_eq!(policies().require(&nobody, "docs:read", &doc()), denied);
        assert!(!policies().permits(&nobody, "docs:unknown", &doc()));
    }

    #[test]
    fn a_permission_reaches_the_own_customer_and_no_other() {
        let customer = Uuid::now_v7();
        let (_, clerk) = user(&[Grant { role: "clerk".into(), customer: Some(customer) }]);
        assert!(policies().permits(&clerk, "docs:read", &doc().customer(customer)));
        assert!(!policies().permits(&clerk, "docs:read", &doc().customer(Uuid::now_v7())));
        assert!(!policies().permits(&clerk, "docs:read", &doc()));
    }

    #[test]
    fn a_yes_given_before_ends_with_the_permission() {
        let book = RoleBook::default();
        book.set("reader", vec!["docs:read".parse().expect("valid")]);
        let grants = [Grant { role: "reader".into(), customer: None }];
        let id = Uuid::now_v7();
        let reader = || {
            let (session, email) = (Uuid::nil(), String::new());
            let principal = Principal::User { id, session, email, customer: None };
            Actor::new(principal, book.holdings(&grants), vec![], None)
        };
        let policies = policies();
        for _ in 0..2 {
            assert!(policies.require(&reader(), "docs:read", &doc()).is_ok());
        }
        assert!(!policies.permits(&reader(), "docs:update", &doc()), "another action");
        let other = user(&[]).1;
        assert!(!policies.permits(&other, "docs:read", &doc()), "another person");
        book.remove("reader");
        assert!(policies.require(&reader(), "docs:read", &doc()).is_err());
    }

    #[test]
    fn own_things_are_the_owners() {
        let (id, clerk) = user(&[Grant { role: "clerk".into(), customer: None }]);
        assert!(policies().permits(&clerk, "docs:update", &doc().owner(id)));
        assert!(!policies().permits(&clerk, "docs:update", &doc().owner(Uuid::now_v7())));
    }

    #[derive(Default)]
    struct Seen(parking_lot::Mutex<Vec<Denial>>);

    impl Witness for Seen {
        fn denied(&self, denial: Denial) {
            self.0.lock().push(denial);
        }
    }

    #[test]
    fn the_witness_is_told_why_somebody_was_denied_and_of_nothing_else() {
        let seen = Arc::new(Seen::default());
        let policies = policies().watched_by(seen.clone());
        let (customer, other) = (Uuid::now_v7(), Uuid::now_v7());
        let (id, clerk) = user(&[Grant { role: "clerk".into(), customer: Some(customer) }]);
        assert!(policies.require(&clerk, "docs:read", &doc().customer(customer)).is_ok());
        assert!(policies.require(&Actor::anonymous(), "docs:read", &doc()).is_err());
        assert!(!policies.permits(&clerk, "docs:read", &doc().customer(other)));
        assert!(seen.0.lock().is_empty(), "permitted, nobody, and only asked");

        assert!(policies.require(&clerk, "docs:read", &doc().customer(other)).is_err());
        let sealed = Resource::new("Doc", 1).flag("public", true).owner(id);
        assert!(policies.require(&clerk, "docs:update", &sealed).is_err());
        let denials = seen.0.lock();
        let [too_far, forbidden] = &denials[..] else { panic!("two denials: {denials:?}") };
        assert_eq!((too_far.action.as_str(), too_far.customer), ("docs:read", Some(other)));
        assert!(too_far.reach.customers.contains(&customer) && !too_far.reach.everywhere);
        assert!(too_far.forbidden_by.is_empty(), "nothing forbids it, nothing permits it");
        assert!(forbidden.reach.itself, "the role would have permitted it");
        assert_eq!(forbidden.forbidden_by, ["sealed"]);
    }

    #[test]
    fn a_service_may_what_its_policy_says() {
        let service = |name: &str| {
            Actor::new(Principal::Service(name.into()), crate::Holdings::default(), vec![], None)
        };
        assert!(policies().permits(&service("archive"), "docs:update", &doc()));
        assert!(!policies().permits(&service("other"), "docs:update", &doc()));
        assert!(policies().permits(&service("other"), "docs:read", &doc().flag("public", true)));
    }
}
