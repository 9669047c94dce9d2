//! Frames as clients write them, whole, in pieces and wrong.

use proptest::prelude::*;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketContext};

use super::*;

/// A frame with a mask.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = vec![first];
    match payload.len() {
        short @ ..=125 => frame.push(0x80 | short as u8),
        medium @ ..=65_535 => {
            frame.push(0x80 | 126);
            frame.extend((medium as u16).to_be_bytes());
        }
        long => {
            frame.push(0x80 | 127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// All that is said in `bytes`, which come in pieces of `piece`.
fn read(bytes: &[u8], piece: usize) -> Result<Vec<Said>, Fault> {
    let (mut reader, mut all) = (Reader::default(), Vec::new());
    for piece in bytes.chunks(piece) {
        reader.feed(piece);
        while let Some(said) = reader.next()? {
            all.push(said);
        }
    }
    Ok(all)
}

fn text(text: &str) -> Said {
    Said::Text(text.into())
}

#[test]
fn the_examples_of_the_standard_are_understood() {
    // RFC 6455, 5.7.
    let whole = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    let pong = b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    for piece in 1..=whole.len() {
        assert_eq!(read(whole, piece), Ok(vec![text("Hello")]), "in pieces of {piece}");
        assert_eq!(read(pong, piece), Ok(vec![Said::Pong(b"Hello".to_vec())]));
    }
}

#[test]
fn a_message_may_come_in_frames_with_pings_between_them() {
    let bytes =
        [frame(0x01, b"Hel"), frame(0x89, b"?"), frame(0x00, b"l"), frame(0x80, b"o"), frame(0x81, b"")];
    let said = read(&bytes.concat(), 3);
    assert_eq!(said, Ok(vec![Said::Ping(b"?".to_vec()), text("Hello"), text("")]));
}

#[test]
fn a_letter_may_be_cut_by_frames() {
    let letter = "ü".as_bytes();
    assert_eq!(
        read(&[frame(0x01, &letter[..1]), frame(0x80, &letter[1..])].concat(), 99),
        Ok(vec![text("ü")])
    );
    assert_eq!(read(&frame(0x81, &letter[..1]), 99), Err(Fault::NoText));
}

#[test]
fn what_is_too_long_is_refused_before_it_is_here() {
    assert_eq!(read(&frame(0x81, &[b'a'; LONGEST]), 100), Ok(vec![text(&"a".repeat(LONGEST))]));
    let head = |bytes: &[u8]| read(&frame(0x81, bytes)[..14], 99);
    assert_eq!(head(&[b'a'; LONGEST + 1]), Err(Fault::TooLong));
    assert_eq!(head(&[b'a'; 200_000]), Err(Fault::TooLong));
    let frames = [frame(0x02, &[0; LONGEST]), frame(0x00, b""), frame(0x00, b"a")].concat();
    assert_eq!(read(&frames, 1000), Err(Fault::TooLong));
}

#[test]
fn rules_that_are_broken_are_named() {
    let broken = |bytes: &[u8]| match read(bytes, 99) {
        Err(Fault::Protocol(rule)) => rule,
        other => panic!("{bytes:?} is taken for {other:?}"),
    };
    assert_eq!(broken(b"\x81\x05Hello"), "a client's frames must be masked");
    assert_eq!(broken(&frame(0xc1, b"a")), "no extension was agreed upon");
    for opcode in [0x83, 0x87, 0x8b, 0x8f] {
        assert_eq!(broken(&frame(opcode, b"a")), "there is no such kind of frame");
    }
    assert_eq!(broken(&frame(0x80, b"a")), "nothing was begun that could go on");
    assert_eq!(
        broken(&[frame(0x01, b"a"), frame(0x81, b"b")].concat()),
        "the message before this has no end"
    );
    for control in [frame(0x09, b"a"), frame(0x89, &[0; 126])] {
        assert_eq!(broken(&control), "a frame about the connection must be short and whole");
    }
    for long in [b"\x81\xfe\x00\x7d".to_vec(), b"\x81\xff\0\0\0\0\0\0\xff\xff".to_vec()] {
        assert_eq!(broken(&long), "a length must be written in the shortest way");
    }
    assert_eq!(broken(&frame(0x88, b"\x03")), "half a close code");
    for code in [0u16, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
        assert_eq!(broken(&frame(0x88, &code.to_be_bytes())), "there is no such close code");
    }
}

#[test]
fn a_goodbye_is_understood_with_and_without_a_code() {
    assert_eq!(read(&frame(0x88, b""), 99), Ok(vec![Said::Close(None)]));
    assert_eq!(read(&frame(0x88, b"\x03\xe8bye"), 99), Ok(vec![Said::Close(Some(1000))]));
    assert_eq!(read(&frame(0x88, b"\x03\xe8\xff"), 99), Err(Fault::NoText));
}

#[test]
fn who_says_nothing_more_costs_no_memory() {
    let mut reader = Reader::default();
    reader.feed(&frame(0x81, &[b'a'; 2000]));
    assert!(matches!(reader.next(), Ok(Some(Said::Text(_)))));
    assert_eq!((reader.held.capacity(), reader.begun), (0, None));
}

/// What an independent client makes of messages.
fn written(messages: &[Message]) -> Vec<u8> {
    let mut wire = std::io::Cursor::new(Vec::new());
    let mut client = WebSocketContext::new(Role::Client, None);
    for message in messages {
        client.write(&mut wire, message.clone()).expect("a Vec takes everything");
    }
    client.flush(&mut wire).expect("a Vec takes everything");
    wire.into_inner()
}

fn any_message() -> impl Strategy<Value = Message> {
    let bytes = |most: usize| proptest::collection::vec(any::<u8>(), 0..most);
    prop_oneof![
        "\\PC{0,300}".prop_map(Message::text),
        bytes(3000).prop_map(Message::binary),
        bytes(125).prop_map(|payload| Message::Ping(payload.into())),
    ]
}

proptest! {
    #[test]
    fn another_library_s_messages_are_read_however_they_are_cut(
        messages in proptest::collection::vec(any_message(), 0..8),
        piece in 1..500usize,
    ) {
        let goodbye = Message::Close(Some(CloseFrame { code: 4000.into(), reason: "bye".into() }));
        let all: Vec<_> = messages.into_iter().chain([goodbye]).collect();
        let expected: Vec<_> = all.iter().map(|message| match message {
            Message::Text(text) => Said::Text(text.to_string()),
            Message::Ping(payload) => Said::Ping(payload.to_vec()),
            Message::Close(_) => Said::Close(Some(4000)),
            _ => Said::Binary,
        }).collect();
        prop_assert_eq!(read(&written(&all), piece), Ok(expected));
    }

    #[test]
    fn nonsense_is_read_or_refused_and_holds_little_memory(
        bytes in proptest::collection::vec(any::<u8>(), 0..20_000),
        piece in 1..2048usize,
    ) {
        let mut reader = Reader::default();
        'all: for piece in bytes.chunks(piece) {
            reader.feed(piece);
            loop {
                match reader.next() {
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(_) => break 'all,
                }
            }
            prop_assert!(reader.held.len() <= LONGEST + 14);
        }
    }
}
