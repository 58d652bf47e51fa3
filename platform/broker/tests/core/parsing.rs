//! The parser against what clients send, and against what nobody should.

use broker::protocol::{ClientOperation, Headers, Limits, Parser, ProtocolError};
use bytes::BytesMut;
use proptest::prelude::*;

/// All operations and errors of a stream that comes in these pieces, and how many bytes are left.
fn parse(pieces: &[&[u8]]) -> (Vec<String>, usize) {
    let limits = Limits { control_line_bytes_max: 64, payload_bytes_max: 128 };
    let mut parser = Parser::new(limits);
    let mut buffer = BytesMut::new();
    let mut parsed = vec![];
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            let before = buffer.len();
            match parser.parse(&mut buffer) {
                Ok(None) => break,
                Ok(Some(operation)) => parsed.push(format!("{operation:?}")),
                Err(error) => {
                    parsed.push(format!("{error:?}"));
                    if error.is_fatal() {
                        let left = buffer.len();
                        assert_eq!(parser.parse(&mut buffer).expect_err("the same again"), error);
                        assert_eq!(buffer.len(), left);
                        return (parsed, 0);
                    }
                }
            }
            assert!(buffer.len() < before, "an operation without progress");
        }
    }
    (parsed, buffer.len())
}

/// Cuts a stream at these places.
fn cut<'a>(stream: &'a [u8], places: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<_> = places.iter().map(|place| place % (stream.len() + 1)).collect();
    places.extend([0, stream.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect()
}

fn operation() -> impl Strategy<Value = Vec<u8>> {
    let subject = "[a-c*>.]{1,6}";
    let body = prop::collection::vec(any::<u8>(), 0..140);
    prop_oneof![
        Just(b"PING\r\n".to_vec()),
        Just(b"pong\n".to_vec()),
        Just(b"CONNECT {\"verbose\":true,\"name\":\"x\"}\r\n".to_vec()),
        Just(b"+OK\r\n".to_vec()),
        (subject, 0..99u8).prop_map(|(s, sid)| format!("SUB {s} {sid}\r\n").into_bytes()),
        (subject, 0..99u8).prop_map(|(s, sid)| format!("sub\t{s}  q {sid} \r\n").into_bytes()),
        (0..99u8, 0..9u8).prop_map(|(sid, max)| format!("UNSUB {sid} {max}\r\n").into_bytes()),
        (subject, body.clone()).prop_map(|(s, body)| {
            [format!("PUB {s} {}\r\n", body.len()).as_bytes(), &body, b"\r\n"].concat()
        }),
        (subject, body).prop_map(|(s, body)| {
            let header = b"NATS/1.0\r\n\r\n";
            let line =
                format!("HPUB {s} re.ply {} {}\r\n", header.len(), header.len() + body.len());
            [line.as_bytes(), header, &body, b"\r\n"].concat()
        }),
    ]
}

proptest! {
    #[test]
    fn a_stream_parses_the_same_however_it_is_cut(
        operations in prop::collection::vec(operation(), 0..12),
        places in prop::collection::vec(any::<usize>(), 0..20),
    ) {
        let stream = operations.concat();
        prop_assert_eq!(parse(&cut(&stream, &places)), parse(&[&stream]));
    }

    #[test]
    fn a_damaged_stream_parses_the_same_however_it_is_cut(
        operations in prop::collection::vec(operation(), 1..6),
        damage in prop::collection::vec((any::<usize>(), any::<u8>()), 1..4),
        places in prop::collection::vec(any::<usize>(), 0..20),
    ) {
        let mut stream = operations.concat();
        for (place, byte) in damage {
            let place = place % stream.len();
            stream[place] = byte;
        }
        prop_assert_eq!(parse(&cut(&stream, &places)), parse(&[&stream]));
    }

    #[test]
    fn random_bytes_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        places in prop::collection::vec(any::<usize>(), 0..20),
    ) {
        parse(&cut(&bytes, &places));
    }

    #[test]
    fn random_arguments_never_panic(verb in "(PUB|HPUB|SUB|UNSUB|CONNECT|PING|-ERR|INFO)", rest in "[ -~\r\n\t]{0,80}") {
        let stream = verb + &rest;
        let bytes = stream.as_bytes();
        let (one_by_one, whole) = (bytes.chunks(1).collect::<Vec<_>>(), parse(&[bytes]));
        prop_assert_eq!(parse(&one_by_one), whole);
    }
}

proptest! {
    #[test]
    fn header_blocks_never_panic_and_survive_a_round_trip(
        lines in prop::collection::vec("[ -~\r\n:]{0,12}", 0..6),
        fields in prop::collection::vec(("[A-Za-z-]{1,8}", "[ -~]{0,12}"), 0..6),
    ) {
        let block = format!("NATS/1.0{}\r\n\r\n", lines.join("\r\n"));
        if let Ok(headers) = Headers::parse(&block.into()) {
            prop_assert_eq!(Headers::parse(&headers.encode()), Ok(headers));
        }
        let headers: Headers = fields.iter().map(|(n, v)| (n.as_str(), v.trim())).collect();
        prop_assert_eq!(Headers::parse(&headers.encode()), Ok(headers));
    }
}

fn first(bytes: &[u8]) -> Result<Option<ClientOperation>, ProtocolError> {
    Parser::default().parse(&mut bytes.into())
}

#[test]
fn each_mistake_has_its_error() {
    use ProtocolError as E;
    let cases: &[(&[u8], E)] = &[
        (b"FOO", E::UnknownOperation),
        (b"PUB\r\n", E::UnknownOperation),
        (b"PUB a 1\r\nxyz", E::UnknownOperation),
        (b"PUB a\r\n", E::Arguments("PUB")),
        (b"PUB a -1\r\n", E::Arguments("PUB")),
        (b"PUB a b c 1\r\n", E::Arguments("PUB")),
        (b"PUB a 1000000000\r\n", E::Arguments("PUB")),
        (b"PUB a 1048577\r\n", E::PayloadTooLarge),
        (b"HPUB a 3 2\r\n", E::Arguments("HPUB")),
        (b"SUB a\r\n", E::Arguments("SUB")),
        (b"SUB a b c d\r\n", E::Arguments("SUB")),
        (b"SUB a..b 1\r\n", E::InvalidSubject),
        (b"UNSUB \r\n", E::Arguments("UNSUB")),
        (b"PUB a.* 0\r\n\r\n", E::InvalidPublishSubject),
        (b"CONNECT {\r\n", E::Connect),
        (b"CONNECT {\"protocol\":2}\r\n", E::ProtocolVersion),
        (b"CONNECT {\"no_responders\":true}\r\n", E::NoRespondersWithoutHeaders),
        (b"-ERR 'x'\r\n", E::ReportedByClient),
    ];
    for (bytes, expected) in cases {
        let text = String::from_utf8_lossy(bytes);
        assert_eq!(first(bytes).expect_err(&text), *expected, "{text}");
    }
}

#[test]
fn a_payload_is_a_slice_of_what_was_read() {
    let mut buffer = BytesMut::from(&b"PUB a 5\r\nhello\r\nPING\r\n"[..]);
    let place = buffer[9..].as_ptr();
    let Ok(Some(ClientOperation::Publish(message))) = Parser::default().parse(&mut buffer) else {
        panic!("a publication")
    };
    assert_eq!((&message.payload[..], message.payload.as_ptr()), (&b"hello"[..], place));
    assert_eq!(&buffer[..], b"PING\r\n");
}

#[test]
fn nothing_is_allocated_for_what_is_only_announced() {
    let mut buffer = BytesMut::from(&b"PUB a 1048576\r\n"[..]);
    assert!(matches!(Parser::default().parse(&mut buffer), Ok(None)));
    assert!(buffer.capacity() < 1024);
}
