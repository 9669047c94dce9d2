//! Blocking playlist reload and blocking parts.

use futures_util::future::join_all;
use hyper::Method;

use crate::support::client::{Client, join};
use crate::support::playlist::{self, Playlist};
use crate::support::site::shared;
use crate::support::{at_once, until};

const VIDEO: &str = "/hls/demo/main/video.m3u8";
const AUDIO: &str = "/hls/demo/main/audio.m3u8";

fn asking_for(path: &str, msn: u64, part: Option<usize>) -> String {
    let part = part.map(|part| format!("&_HLS_part={part}")).unwrap_or_default();
    format!("{path}?_HLS_msn={msn}{part}")
}

/// The playlist just after a part came: there is nearly a part's time until the next.
async fn fresh(path: &str) -> Playlist {
    let playlist = shared().playlist(path).await;
    let (msn, part) = playlist.next_part();
    shared().playlist(&asking_for(path, msn, Some(part))).await
}

/// The playlist of a segment with one to three parts so far, so that neither its start nor its end is near.
async fn amid_a_segment(path: &str) -> Playlist {
    until("the middle of a segment", || async {
        let playlist = fresh(path).await;
        (1..=2).contains(&playlist.open.parts.len()).then_some(playlist)
    })
    .await
}

#[tokio::test]
async fn a_reload_is_answered_when_its_part_is_there_and_not_before() {
    for path in [VIDEO, AUDIO] {
        let before = fresh(path).await;
        let (msn, part) = before.next_part();
        let after = shared().playlist(&asking_for(path, msn, Some(part))).await;
        assert!(after.next_part() > (msn, part), "{}", after.text);
        // Just that one, since nobody slept: the next part is half a second away.
        let news = after.part(msn, part).is_some();
        assert!(news || after.next_msn() > msn, "{}", after.text);
    }
}

#[tokio::test]
async fn a_reload_by_segment_alone_is_answered_with_its_first_part() {
    let before = amid_a_segment(VIDEO).await;
    let next = before.next_msn() + 1;
    let after = shared().playlist(&asking_for(VIDEO, next, None)).await;
    assert_eq!(after.next_msn(), next, "the segment before has just ended: {}", after.text);
    // On a busy machine the second may have come while the answer was on its way; it was not waited for.
    assert!((1..=2).contains(&after.open.parts.len()), "the first part has just come: {}", after.text);
}

#[tokio::test]
async fn what_is_there_already_is_answered_at_once_however_old() {
    let now = shared().playlist(VIDEO).await;
    let oldest = now.msn.unwrap();
    let last = now.segments.last().expect("a finished segment");
    for (msn, part) in [(0, None), (1, Some(0)), (oldest, None), (oldest - 1, Some(3)), (last.msn, Some(1))] {
        let path = asking_for(VIDEO, msn, part);
        let playlist = at_once(&path, async || shared().playlist(&path).await).await;
        assert!(playlist.next_part() >= now.next_part(), "the whole list is delivered");
    }
}

#[tokio::test]
async fn a_part_beyond_the_end_of_a_finished_segment_is_the_first_of_the_next() {
    let now = amid_a_segment(VIDEO).await;
    let last = now.segments.last().expect("a finished segment");
    let path = asking_for(VIDEO, last.msn, Some(last.parts.len()));
    // The next segment has its first part.
    let beyond = at_once(&path, async || shared().playlist(&path).await).await;
    assert!(beyond.part(last.msn + 1, 0).is_some(), "{}", beyond.text);
}

#[tokio::test]
async fn a_part_beyond_the_end_of_the_segment_that_grows_comes_when_the_next_one_starts() {
    let now = amid_a_segment(VIDEO).await;
    let msn = now.next_msn();
    // The demo's segments have five parts; this one will not have a seventh.
    let after = shared().playlist(&asking_for(VIDEO, msn, Some(6))).await;
    assert!(after.next_msn() == msn + 1 && !after.open.parts.is_empty(), "{}", after.text);
    assert!(after.segments.last().is_some_and(|segment| segment.msn == msn));
}

#[tokio::test]
async fn what_is_too_far_in_the_future_is_400_to_the_number() {
    // Half-second parts: six parts past the last one is the limit, and two segments past the last finished one.
    for (ahead, part, expected) in [
        (0, Some(7), 400),
        (2, None, 400),
        (2, Some(0), 400),
        (0, Some(6), 200),
        (1, None, 200),
        (1, Some(0), 200),
    ] {
        let status = until("a request within the time of one part", async || {
            let (msn, next) = amid_a_segment(VIDEO).await.next_part();
            let part = part.map(|past| if ahead == 0 { next - 1 + past } else { past });
            let path = asking_for(VIDEO, msn + ahead, part);
            let status = shared().status(&path).await;
            // Had the list moved on before the question was heard, another answer would be right.
            let still = shared().playlist(VIDEO).await.next_part() == (msn, next);
            (status == expected || still).then_some(status)
        })
        .await;
        assert_eq!(status, expected, "{ahead} segments ahead, part {part:?}");
    }
    assert_eq!(shared().status(&asking_for(VIDEO, u64::MAX, Some(0))).await, 400);
}

#[tokio::test]
async fn directives_that_make_no_sense_are_400_and_unknown_ones_are_nothing() {
    for query in [
        "_HLS_part=0",
        "_HLS_part=1&_HLS_skip=YES",
        "_HLS_msn=",
        "_HLS_msn=x",
        "_HLS_msn=-1",
        "_HLS_msn=1.5",
        "_HLS_msn=1&_HLS_part=x",
        "_HLS_msn=99999999999999999999",
    ] {
        let answer = shared().get(&format!("{VIDEO}?{query}")).await;
        assert_eq!(answer.status.as_u16(), 400, "{query}");
        assert_eq!(answer.header("cache-control"), "no-store", "{query}");
    }
    for query in
        ["_HLS_skip=YES", "_HLS_other=1", "token=x", "_HLS_part=0&_HLS_msn=1", "_HLS_msn=1&_HLS_msn=x"]
    {
        assert_eq!(shared().status(&format!("{VIDEO}?{query}")).await, 200, "{query}");
    }
}

#[tokio::test]
async fn the_hinted_part_is_waited_for_and_is_what_the_playlist_lists_then() {
    for path in [VIDEO, AUDIO] {
        let before = fresh(path).await;
        let (msn, part) = before.next_part();
        let hint = before.hints[0].clone();
        let hinted = join(path, &hint);
        let client: Client = shared();
        let waiting = client.found(&hinted);
        let reload = asking_for(path, msn, Some(part));
        let (early, after) = tokio::join!(waiting, client.playlist(&reload));
        assert!(!early.body.is_empty());
        // All of it is there before its first byte leaves (RFC 8216bis 6.2.6).
        assert_eq!(early.header("content-length"), early.body.len().to_string());
        assert_eq!(early.header("transfer-encoding"), "");
        assert_eq!(after.part(msn, part).map(|part| part.uri.clone()), Some(hint), "{}", after.text);
        assert_eq!(client.found(&hinted).await.body, early.body, "a URI always stands for the same bytes");
    }
}

#[tokio::test]
async fn a_hundred_waiting_requests_get_one_and_the_same_answer() {
    let before = amid_a_segment(VIDEO).await;
    let (msn, part) = before.next_part();
    let path = asking_for(VIDEO, msn, Some(part));
    let client = shared();
    let answers = join_all((0..100).map(|_| client.found(&path))).await;
    let own = |text: &str| text.split("#EXT-X-RENDITION-REPORT").next().unwrap().to_owned();
    let first = own(answers[0].text());
    assert!(playlist::parse(answers[0].text()).next_part() > (msn, part));
    assert!(answers.iter().all(|answer| own(answer.text()) == first), "they were released by one part");
    let distinct: std::collections::HashSet<_> = answers.iter().map(|answer| answer.body.clone()).collect();
    assert_eq!(distinct.len(), 1, "{} different texts", distinct.len());
}

#[tokio::test]
async fn requests_whose_clients_leave_are_no_burden_to_those_that_stay() {
    let before = amid_a_segment(VIDEO).await;
    let (msn, part) = before.next_part();
    let path = asking_for(VIDEO, msn, Some(part));
    let leavers: Vec<_> = (0..50)
        .map(|_| {
            let path = path.clone();
            tokio::spawn(async move { shared().try_ask(Method::GET, &path, &[]).await.is_ok() })
        })
        .collect();
    let stays = tokio::spawn(async move { shared().playlist(&path).await });
    leavers.iter().for_each(|leaver| leaver.abort());
    let after = stays.await.expect("who stays is answered");
    assert!(after.next_part() > (msn, part));
}

#[tokio::test]
async fn head_waits_like_get() {
    let before = fresh(VIDEO).await;
    let (msn, part) = before.next_part();
    let answer = shared().ask(Method::HEAD, &asking_for(VIDEO, msn, Some(part)), &[]).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 0));
    let now = shared().playlist(VIDEO).await;
    assert!(now.next_part() > (msn, part), "it was answered before its part was there: {}", now.text);
}
