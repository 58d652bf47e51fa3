use insta::assert_json_snapshot;
use jiff::{SignedDuration, Timestamp};
use stdx::Clock;

use super::{MESSAGES, Process, administrator, builder, consumer, messaging};
use crate::jobs::sample;

#[tokio::test]
async fn samples_make_a_curve_that_ends_after_a_week() {
    let start: Timestamp = "2026-11-14T10:05:00Z".parse().expect("a time");
    let (clock, process) = (Clock::manual(start), Process::default());
    // The sample that is taken by itself at the start finds nobody.
    let node = builder(&process, &["audit"]).clock(&clock).start().await;
    let messaging = messaging(&node.context());
    for (minutes, waiting, dead_letters) in [(10, 3, 0), (20, 40, 1), (40, 2, 1), (0, 0, 2)] {
        process.stands("audit", vec![consumer("audit.record", waiting, dead_letters)]);
        sample(&messaging).await.expect("sampled");
        clock.advance(SignedDuration::from_mins(minutes));
    }
    let lag = node.get(&administrator(&node), &format!("{MESSAGES}/lag?hours=2")).await;
    assert_json_snapshot!(lag.expect(200).body, @r#"
    {
      "items": [
        {
          "service": "audit",
          "consumer": "audit.record",
          "points": [
            {
              "start": "2026-11-14T10:00:00Z",
              "waiting": 40,
              "deadLetters": 1
            },
            {
              "start": "2026-11-14T11:00:00Z",
              "waiting": 0,
              "deadLetters": 2
            }
          ]
        }
      ],
      "nextCursor": null
    }
    "#);

    clock.advance(SignedDuration::from_hours(7 * 24));
    let lag = node.get(&administrator(&node), &format!("{MESSAGES}/lag?hours=168")).await;
    assert!(lag.expect(200).items().is_empty(), "nobody looks so far back");
    process.standings.lock().clear();
    sample(&messaging).await.expect("sampled");
    let peaks = crate::store::list_peaks(node.database().read(), Timestamp::UNIX_EPOCH).await;
    let hours: Vec<_> = peaks.expect("read").iter().map(|peak| peak.hour.to_string()).collect();
    assert_eq!(hours, ["2026-11-14T11:00:00Z"], "a service that is away adds nothing");
}
