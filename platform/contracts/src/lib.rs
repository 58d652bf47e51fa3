//! All that services may know of each other: ids, messages, calls, permissions, the built-in roles, and what the
//! audit log is told.
//!
//! Nothing here acts. A service that needs something of another one finds it here or has no business with it.

pub mod audit;
pub mod ids;
pub mod messages;
pub mod permissions;

/// Every service that has a database of its own, by name; the program holds it to its table.
pub const SERVICES: &[&str] =
    &["roles", "users", "tokens", "customers", "events", "audit", "messaging"];

/// Generated gRPC clients, servers and types, by service.
#[allow(missing_docs, clippy::all, reason = "generated from proto/, where the documentation is")]
pub mod grpc {
    pub mod customers {
        tonic::include_proto!("backline.customers.v1");
    }
    pub mod events {
        tonic::include_proto!("backline.events.v1");
    }
    pub mod idm {
        tonic::include_proto!("backline.idm.v1");

        /// The contract itself, for gRPC reflection.
        pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/idm.bin"));
    }
    pub mod messages {
        tonic::include_proto!("backline.messages.v1");
    }
    pub mod roles {
        tonic::include_proto!("backline.roles.v1");
    }
    pub mod tokens {
        tonic::include_proto!("backline.tokens.v1");
    }
    pub mod users {
        tonic::include_proto!("backline.users.v1");
    }
}
