use proptest::prelude::*;

use crate::domain::ticket::TicketCode;

#[test]
fn a_code_is_read_however_it_was_typed() {
    let code = TicketCode::parse("7KQ2-M9XD-4TBA-PR3W").expect("a code");
    assert_eq!(code.as_str(), "7KQ2M9XD4TBAPR3W");
    for typed in ["7kq2m9xd4tbapr3w", " 7KQ2 M9XD 4TBA PR3W ", "7-K-Q-2-M9XD4TBAPR3W"] {
        assert_eq!(TicketCode::parse(typed), Some(code), "{typed}");
    }
    let zeros_and_ones = TicketCode::parse("0000-1111-0000-1111");
    assert_eq!(TicketCode::parse("OoOo-IiLl-0000-llll"), zeros_and_ones);
    assert!(zeros_and_ones.is_some());
}

#[test]
fn what_is_not_a_code_is_none() {
    for bad in [
        "",
        "7KQ2",
        "7KQ2-M9XD-4TBA-PR3",
        "7KQ2-M9XD-4TBA-PR3WW",
        "7KQ2-M9XD-4TBA-PR3U",
        "7KQ2-M9XD-4TBA-PR3\0",
        "7KQ2-M9XD-4TBA-PR3Å",
        "7KQ2_M9XD_4TBA_PR3W",
        "🎷",
    ] {
        assert_eq!(TicketCode::parse(bad), None, "{bad}");
    }
}

proptest! {
    #[test]
    fn a_printed_code_is_read_back(bits in any::<u128>()) {
        let code = TicketCode::from_bits(bits);
        prop_assert_eq!(TicketCode::parse(&code.to_string()), Some(code));
        prop_assert_eq!(TicketCode::parse(&code.to_string().to_lowercase()), Some(code));
        prop_assert_eq!(code.to_string().len(), 19);
    }

    #[test]
    fn different_bits_are_different_codes(bits in any::<u128>(), place in 0u32..80) {
        prop_assert_ne!(TicketCode::from_bits(bits), TicketCode::from_bits(bits ^ (1 << place)));
    }

    #[test]
    fn no_text_makes_the_reader_fail(text in ".*") {
        let _ = TicketCode::parse(&text);
    }
}
