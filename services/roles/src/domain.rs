//! What a role is. Pure rules.

use std::collections::BTreeSet;
use std::fmt;

use contracts::permissions::PERMISSIONS;
use jiff::Timestamp;
use policies::Permission;
use stdx::text::{self, TextError};

use crate::error::{Error, Result};

const NAME_LENGTH_MAX: usize = 50;
const DESCRIPTION_LENGTH_MAX: usize = 500;

/// The name of a role: lower-case words joined by hyphens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleName(String);

impl RoleName {
    /// Reads a name as somebody typed it.
    pub fn parse(name: &str) -> Result<Self, &'static str> {
        let is_word = |word: &str| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        };
        if name.len() > NAME_LENGTH_MAX || !name.split('-').all(is_word) {
            return Err("must be lower-case words joined by hyphens, at most 50 characters");
        }
        Ok(Self(name.to_owned()))
    }

    /// A name that the database holds, checked when it was written.
    pub fn stored(name: String) -> Self {
        Self(name)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads a description as somebody typed it; it may be empty.
pub fn parse_description(description: &str) -> Result<String, TextError> {
    text::lines(description, 0..=DESCRIPTION_LENGTH_MAX)
}

/// Reads a role's permissions: each must exist. "Everything" is for the built-in administrator alone.
pub fn parse_permissions(permissions: &[String]) -> Result<BTreeSet<Permission>, String> {
    if permissions.is_empty() {
        return Err("must list at least one permission".into());
    }
    permissions.iter().map(|text| parse_permission(text)).collect()
}

fn parse_permission(text: &str) -> Result<Permission, String> {
    let permission: Permission =
        text.parse().map_err(|error: policies::PermissionError| error.to_string())?;
    if !PERMISSIONS.iter().any(|(name, _)| *name == permission.name) {
        return Err(format!(
            "there is no permission `{}`; see /api/v1/permissions",
            permission.name
        ));
    }
    Ok(permission)
}

/// A named set of permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    pub name: RoleName,
    pub description: String,
    pub permissions: BTreeSet<Permission>,
    pub built_in: bool,
    /// How many times it is given to somebody. Follows the users service with a moment's delay.
    pub holders: i64,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What a new role is made of.
pub struct NewRole {
    pub name: RoleName,
    pub description: String,
    pub permissions: BTreeSet<Permission>,
}

/// What changes about a role; `None` stays.
#[derive(Default)]
pub struct RoleChange {
    pub description: Option<String>,
    pub permissions: Option<BTreeSet<Permission>>,
}

impl Role {
    /// A role that an administrator defines.
    pub fn new(new_role: NewRole, now: Timestamp) -> Self {
        let NewRole { name, description, permissions } = new_role;
        Self {
            name,
            description,
            permissions,
            built_in: false,
            holders: 0,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// The role after `change`.
    pub fn changed(self, change: RoleChange, now: Timestamp) -> Result<Self> {
        if self.built_in {
            return Err(Error::BuiltIn(self.name));
        }
        Ok(Self {
            description: change.description.unwrap_or(self.description),
            permissions: change.permissions.unwrap_or(self.permissions),
            version: self.version + 1,
            updated_at: now,
            ..self
        })
    }

    /// Whether the role may be deleted.
    pub fn check_deletable(&self) -> Result<()> {
        if self.built_in {
            return Err(Error::BuiltIn(self.name.clone()));
        }
        if self.holders > 0 {
            return Err(Error::InUse { name: self.name.clone(), holders: self.holders });
        }
        Ok(())
    }
}
