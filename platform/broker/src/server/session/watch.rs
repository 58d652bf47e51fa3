//! The times of a session: when the client must have said who it is, when what it may do ends, whether it is alive.

use std::future::pending;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, Sleep, interval_at, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::server::{Permissions, Settings};

/// An interval of nought would not be one.
const PING_INTERVAL_MIN: Duration = Duration::from_millis(1);

/// An expiry further away is no reason to watch, and beyond what the clock can add up.
const EXPIRY_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Something has to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alarm {
    /// The client must be asked whether it is there.
    Silent,
    /// It has not answered.
    Stale,
    /// It has not said who it is.
    AuthenticationTimeout,
    /// What it may do has ended.
    Expired,
    /// What it may do has been taken away.
    Revoked,
}

pub(super) struct Watch {
    ping: Interval,
    pings_out: u32,
    pings_out_max: u32,
    is_active: bool,
    deadline: Option<(Pin<Box<Sleep>>, Alarm)>,
    revoked: Option<CancellationToken>,
    auth_deadline: Instant,
}

impl Watch {
    pub fn new(settings: &Settings) -> Self {
        let ping_interval = settings.ping_interval.max(PING_INTERVAL_MIN);
        let now = Instant::now();
        let mut ping = interval_at(now + ping_interval, ping_interval);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let auth_deadline = now + settings.auth_timeout;
        Self {
            ping,
            pings_out: 0,
            pings_out_max: settings.pings_out_max,
            is_active: false,
            deadline: Some((Box::pin(sleep_until(auth_deadline)), Alarm::AuthenticationTimeout)),
            revoked: None,
            auth_deadline,
        }
    }

    /// Until when the client must be known.
    pub fn auth_deadline(&self) -> Instant {
        self.auth_deadline
    }

    /// The client is known: from now on only the end of what it may do matters.
    pub fn note_permissions(&mut self, permissions: &dyn Permissions) {
        let expiry = permissions.expires_in().filter(|expiry| *expiry < EXPIRY_MAX);
        self.deadline =
            expiry.map(|expiry| (Box::pin(sleep_until(Instant::now() + expiry)), Alarm::Expired));
        self.revoked = permissions.revoked();
    }

    /// The client has sent something.
    pub fn note_activity(&mut self) {
        self.is_active = true;
        self.pings_out = 0;
    }

    /// Waits until something has to be done. May be dropped and called again.
    pub async fn alarm(&mut self) -> Alarm {
        loop {
            tokio::select! {
                alarm = ring(&mut self.deadline) => {
                    self.deadline = None;
                    return alarm;
                }
                () = cancelled(self.revoked.as_ref()) => return Alarm::Revoked,
                _ = self.ping.tick() => {}
            }
            if !std::mem::take(&mut self.is_active) {
                return self.note_silence();
            }
        }
    }

    fn note_silence(&mut self) -> Alarm {
        if self.pings_out >= self.pings_out_max {
            return Alarm::Stale;
        }
        self.pings_out += 1;
        Alarm::Silent
    }
}

async fn ring(deadline: &mut Option<(Pin<Box<Sleep>>, Alarm)>) -> Alarm {
    match deadline {
        Some((sleep, alarm)) => {
            sleep.await;
            *alarm
        }
        None => pending().await,
    }
}

async fn cancelled(token: Option<&CancellationToken>) {
    match token {
        Some(token) => token.cancelled().await,
        None => pending().await,
    }
}
