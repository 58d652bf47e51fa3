//! What a client wants of a sign-in beyond its scopes: how sure it has to be, and single claims (OpenID Connect Core,
//! section 5.5). Pure rules.

use std::collections::BTreeSet;

use super::Session;
use super::client::Scope;

/// How sure it is who signed in (`acr`). The order is that of strength: what is enough for more is enough for less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Assurance {
    /// By one thing: a password, or a link in a letter.
    OneFactor,
    /// By two of different kinds: a password and a code, or a device that has checked its owner.
    TwoFactors,
}

impl Assurance {
    pub const ALL: [Self; 2] = [Self::OneFactor, Self::TwoFactors];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::OneFactor => "urn:backline:one-factor",
            Self::TwoFactors => "urn:backline:two-factors",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|assurance| assurance.as_str() == text)
    }

    /// What the way in which somebody signed in amounts to.
    pub fn of(session: &Session) -> Self {
        let by_two = session.amr.iter().any(|method| method == "mfa");
        if by_two { Self::TwoFactors } else { Self::OneFactor }
    }
}

/// A claim about a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UserClaim {
    Name,
    GivenName,
    FamilyName,
    Email,
    EmailVerified,
    Roles,
}

impl UserClaim {
    pub const ALL: [Self; 6] = [
        Self::Name,
        Self::GivenName,
        Self::FamilyName,
        Self::Email,
        Self::EmailVerified,
        Self::Roles,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::GivenName => "given_name",
            Self::FamilyName => "family_name",
            Self::Email => "email",
            Self::EmailVerified => "email_verified",
            Self::Roles => "roles",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|claim| claim.as_str() == text)
    }

    /// The scope that covers it (OpenID Connect Core, section 5.4).
    pub fn scope(self) -> Scope {
        match self {
            Self::Name | Self::GivenName | Self::FamilyName => Scope::Profile,
            Self::Email | Self::EmailVerified => Scope::Email,
            Self::Roles => Scope::Roles,
        }
    }
}

/// Claims that a client wants one by one, by the place where it wants them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SingleClaims {
    pub id_token: BTreeSet<UserClaim>,
    pub userinfo: BTreeSet<UserClaim>,
}

impl SingleClaims {
    /// Those that a client with these scopes may have.
    pub fn within(mut self, allowed: &BTreeSet<Scope>) -> Self {
        self.id_token.retain(|claim| allowed.contains(&claim.scope()));
        self.userinfo.retain(|claim| allowed.contains(&claim.scope()));
        self
    }

    /// The scopes that cover them: what a user is asked for.
    pub fn scopes(&self) -> impl Iterator<Item = Scope> {
        self.id_token.union(&self.userinfo).map(|claim| claim.scope())
    }

    /// As one text: `id_token:name userinfo:email`.
    pub fn to_text(&self) -> String {
        let words = |place: &str, claims: &BTreeSet<UserClaim>| -> Vec<String> {
            claims.iter().map(|claim| format!("{place}:{}", claim.as_str())).collect()
        };
        let (in_id_token, in_userinfo) = (&self.id_token, &self.userinfo);
        [words("id_token", in_id_token), words("userinfo", in_userinfo)].concat().join(" ")
    }

    /// Reads what [`SingleClaims::to_text`] wrote.
    pub fn parse(text: &str) -> Self {
        let mut claims = Self::default();
        for (place, name) in text.split(' ').filter_map(|word| word.split_once(':')) {
            let Some(claim) = UserClaim::parse(name) else { continue };
            match place {
                "id_token" => drop(claims.id_token.insert(claim)),
                "userinfo" => drop(claims.userinfo.insert(claim)),
                _ => {}
            }
        }
        claims
    }
}

/// Everything that the parameter `claims` can ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demands {
    pub claims: SingleClaims,
    /// One of these it must be. `None`: nothing is demanded.
    pub assurance: Option<BTreeSet<Assurance>>,
    /// Nobody else will do.
    pub subject: Option<String>,
}

impl Demands {
    /// What a session amounts to of what is demanded; `None` when it is not enough.
    pub fn assurance_of(&self, session: &Session) -> Option<Assurance> {
        let reached = Assurance::of(session);
        match &self.assurance {
            None => Some(reached),
            Some(demanded) => demanded.iter().rev().find(|demanded| **demanded <= reached).copied(),
        }
    }

    /// Whether no sign-in here can be enough.
    pub fn cannot_be_met(&self) -> bool {
        self.assurance.as_ref().is_some_and(BTreeSet::is_empty)
    }
}
