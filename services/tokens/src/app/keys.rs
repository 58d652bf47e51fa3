//! The keys that sign: made when first needed, replaced on a schedule, known to everybody before they are used.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contracts::audit::{AuditRecorded, Party};
use database::{Database, Sealer};
use identity::{KeyPair, SigningAlgorithm};
use jiff::{SignedDuration, Timestamp};
use policies::{Actor, Resource};

use crate::Tokens;
use crate::error::{Error, Result};
use crate::store;
use crate::store::keys::{PRIVATE_KEY, StoredKey, Use};

/// Every key that is known, as it is needed.
#[derive(Default)]
pub struct KeyRing {
    current: HashMap<SigningAlgorithm, Arc<KeyPair>>,
    /// Whatever may have signed something that is still alive, and what will sign next.
    known: Vec<Arc<KeyPair>>,
    /// When the key that signs access tokens was made.
    since: Timestamp,
    /// What it was read from.
    stored: Vec<StoredKey>,
}

impl KeyRing {
    /// Reads the stored keys.
    fn read(stored: Vec<StoredKey>, sealer: &Sealer) -> Result<Self> {
        let mut ring = Self::default();
        for key in &stored {
            let pair = Arc::new(read(key, sealer)?);
            if key.usage == Use::Current {
                ring.current.insert(key.algorithm, pair.clone());
                if key.algorithm == SigningAlgorithm::EdDsa {
                    let made = Timestamp::from_millisecond(key.created_at);
                    ring.since = made.map_err(service_kit::Error::internal)?;
                }
            }
            ring.known.push(pair);
        }
        ring.stored = stored;
        Ok(ring)
    }

    /// Every key by which something may have to be verified.
    pub fn known(&self) -> &[Arc<KeyPair>] {
        &self.known
    }

    /// The key of this name.
    pub fn find(&self, kid: &str) -> Option<&Arc<KeyPair>> {
        self.known.iter().find(|key| key.kid() == kid)
    }
}

fn read(stored: &StoredKey, sealer: &Sealer) -> Result<KeyPair> {
    let internal = service_kit::Error::internal;
    let private_key = open(stored, sealer)?;
    let pkcs8 = URL_SAFE_NO_PAD.decode(private_key).map_err(internal)?;
    let pair = KeyPair::from_pkcs8(&stored.kid, stored.algorithm, &pkcs8);
    Ok(pair.map_err(service_kit::Error::internal)?)
}

fn open(stored: &StoredKey, sealer: &Sealer) -> Result<String> {
    let opened = sealer.open(PRIVATE_KEY, &stored.kid, &stored.private_key);
    Ok(opened.map_err(database::Error::from)?)
}

impl Tokens {
    /// Replaces the keys that sign. The old ones go on verifying until nothing they signed is alive.
    pub async fn rotate_keys(&self, actor: &Actor) -> Result<()> {
        self.require(actor, "keys:rotate", &Resource::any("Key"))?;
        rotate(&self.database, &actor.into()).await?;
        self.load_keys().await
    }

    /// The public halves of all keys, for whoever verifies what they signed. They are no secret.
    pub async fn public_keys(&self) -> Result<Vec<jsonwebtoken::jwk::Jwk>> {
        // The kind that most relying parties expect has to be there before the first of them asks for a token.
        self.signing_key(SigningAlgorithm::Rs256).await?;
        Ok(self.keys.load().known().iter().map(|key| key.jwk().clone()).collect())
    }

    /// Replaces the keys if they have signed long enough; otherwise sees what other replicas have done.
    pub async fn follow_keys(&self, rotate_after: SignedDuration) -> Result<()> {
        self.load_keys().await?;
        let age = self.clock.now().duration_since(self.keys.load().since);
        if age > rotate_after { self.rotate_keys(&on_own_behalf()).await } else { Ok(()) }
    }

    /// Makes what is missing for access tokens and reads all keys. Other kinds are made when first needed:
    /// an RSA key takes longer than everything else at a first start.
    pub async fn prepare_keys(&self) -> Result<()> {
        seal_keys(&self.database).await?;
        ensure_key(&self.database, SigningAlgorithm::EdDsa, Use::Current).await?;
        ensure_key(&self.database, SigningAlgorithm::EdDsa, Use::Next).await?;
        self.load_keys().await
    }

    /// The key that signs by an algorithm now.
    pub(super) async fn signing_key(&self, algorithm: SigningAlgorithm) -> Result<Arc<KeyPair>> {
        let current = || self.keys.load().current.get(&algorithm).cloned();
        if let Some(key) = current() {
            return Ok(key);
        }
        let _alone = self.making_key.lock().await;
        if let Some(key) = current() {
            return Ok(key);
        }
        ensure_key(&self.database, algorithm, Use::Current).await?;
        self.load_keys().await?;
        Ok(current().ok_or_else(|| service_kit::Error::internal("there is no signing key"))?)
    }

    async fn load_keys(&self) -> Result<()> {
        let stored = store::keys::list_keys(self.database.read()).await?;
        // Taking a key apart costs more than looking that it is the same.
        if stored != self.keys.load().stored {
            self.keys.store(Arc::new(KeyRing::read(stored, self.database.sealer())?));
        }
        Ok(())
    }

    /// What a token of ours says, whichever key signed it. Neither its time nor revocation is looked at.
    pub(super) fn decode<C: serde::de::DeserializeOwned>(
        &self,
        token: &str,
        typ: &str,
        audiences: &[&str],
    ) -> Result<C> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| Error::InvalidToken)?;
        let ring = self.keys.load();
        let key = header.kid.and_then(|kid| ring.find(&kid).cloned()).ok_or(Error::InvalidToken)?;
        identity::decode_signed(token, typ, &key, &self.ctx.public_url, audiences)
            .map_err(|_| Error::InvalidToken)
    }
}

/// Sees to it that every private key is sealed with the present master key, or by none if there is none any more.
async fn seal_keys(database: &Database) -> Result<()> {
    let sealer = database.sealer();
    let stored = store::keys::list_keys(database.read()).await?;
    let tx = database.begin().await?;
    for key in stored.iter().filter(|key| !sealer.is_current(&key.private_key)) {
        let private_key = sealer.seal(PRIVATE_KEY, &key.kid, &open(key, sealer)?);
        let private_key = private_key.map_err(database::Error::from)?;
        store::keys::replace_private_key(&tx, key, &private_key).await?;
        tracing::info!(kid = key.kid, "a signing key was sealed anew");
    }
    Ok(tx.commit().await?)
}

/// Replaces every key that signs; the number of keys that were replaced.
pub async fn rotate(database: &Database, by: &Party) -> Result<usize> {
    let mut replaced = 0;
    for stored in store::keys::list_keys(database.read()).await? {
        if stored.usage == Use::Current {
            // The next one has been known to everybody for a while, unless this kind is replaced for the first time.
            ensure_key(database, stored.algorithm, Use::Next).await?;
            replaced += usize::from(replace_key(database, by, &stored).await?);
            ensure_key(database, stored.algorithm, Use::Next).await?;
        }
    }
    Ok(replaced)
}

/// `false` if another replica was faster.
async fn replace_key(database: &Database, by: &Party, current: &StoredKey) -> Result<bool> {
    let tx = database.begin().await?;
    let is_replaced = store::keys::promote_next_key(&tx, current, database.clock().now()).await?;
    if is_replaced {
        tx.publish(AuditRecorded::done(by, "keys:rotate").on("Key", &current.kid)).await?;
        tx.commit().await?;
    }
    Ok(is_replaced)
}

/// Of replicas that do this at once, one makes the key.
async fn ensure_key(database: &Database, algorithm: SigningAlgorithm, usage: Use) -> Result<()> {
    let stored = store::keys::list_keys(database.read()).await?;
    if stored.iter().any(|key| (key.algorithm, key.usage) == (algorithm, usage)) {
        return Ok(());
    }
    let made = tokio::task::spawn_blocking(move || KeyPair::generate(algorithm));
    let made = made.await.map_err(service_kit::Error::internal)?;
    let made = made.map_err(service_kit::Error::internal)?;
    let created_at = database.clock().now().as_millisecond();
    let kid = made.kid().to_owned();
    let private_key = database.sealer().seal(PRIVATE_KEY, &kid, &made.pkcs8_base64());
    let private_key = private_key.map_err(database::Error::from)?;
    let key = StoredKey { kid, algorithm, usage, private_key, created_at };
    let tx = database.begin().await?;
    store::keys::insert_key(&tx, &key).await?;
    Ok(tx.commit().await?)
}

/// What the service does by itself needs no permission of anybody's.
fn on_own_behalf() -> Actor {
    let principal = policies::Principal::Service("tokens".into());
    Actor::new(principal, policies::Holdings::default(), vec![], None)
}
