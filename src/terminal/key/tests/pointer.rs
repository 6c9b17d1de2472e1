//! Mouse and focus.

use super::*;

fn mouse(tracking: MouseTracking, encoding: MouseEncoding) -> InputModes {
    InputModes { mouse: tracking, mouse_encoding: encoding, ..InputModes::default() }
}

fn event(action: MouseAction, column: u16, row: u16) -> MouseEvent {
    MouseEvent { action, column, row, modifiers: Modifiers::NONE }
}

const LEFT: MouseAction = MouseAction::Press(MouseButton::Left);

#[rustfmt::skip]
const ACTIONS: &[(MouseAction, &str, &str)] = &[
    (LEFT, "^[[<0;3;5M", "^[[M #%"),
    (MouseAction::Press(MouseButton::Middle), "^[[<1;3;5M", "^[[M!#%"),
    (MouseAction::Press(MouseButton::Right), "^[[<2;3;5M", "^[[M\\\"#%"),
    (MouseAction::Press(MouseButton::Back), "^[[<128;3;5M", "^[[M\\xa0#%"),
    (MouseAction::Release(MouseButton::Left), "^[[<0;3;5m", "^[[M##%"),
    (MouseAction::Release(MouseButton::Right), "^[[<2;3;5m", "^[[M##%"),
    (MouseAction::Move(Some(MouseButton::Left)), "^[[<32;3;5M", "^[[M@#%"),
    (MouseAction::Move(None), "^[[<35;3;5M", "^[[MC#%"),
    (MouseAction::ScrollUp, "^[[<64;3;5M", "^[[M`#%"),
    (MouseAction::ScrollDown, "^[[<65;3;5M", "^[[Ma#%"),
    (MouseAction::ScrollLeft, "^[[<66;3;5M", "^[[Mb#%"),
    (MouseAction::ScrollRight, "^[[<67;3;5M", "^[[Mc#%"),
];

#[test]
fn mouse_events_in_each_encoding() {
    for (action, sgr, x10) in ACTIONS {
        let event = event(*action, 2, 4);
        let modes = mouse(MouseTracking::Motion, MouseEncoding::Sgr);
        assert_eq!(shown(&encode_mouse(&event, &modes)), *sgr);
        let modes = mouse(MouseTracking::Motion, MouseEncoding::X10);
        assert_eq!(shown(&encode_mouse(&event, &modes)), *x10);
    }
    let held = Modifiers::SHIFT.with(Modifiers::ALT).with(Modifiers::CTRL);
    let event = MouseEvent { modifiers: held, ..event(LEFT, 0, 0) };
    let modes = mouse(MouseTracking::Click, MouseEncoding::Sgr);
    assert_eq!(shown(&encode_mouse(&event, &modes)), "^[[<28;1;1M");
}

#[test]
fn only_what_was_asked_for_is_sent() {
    let sent = |tracking, action| {
        !encode_mouse(&event(action, 0, 0), &mouse(tracking, MouseEncoding::Sgr)).is_empty()
    };
    let drag = MouseAction::Move(Some(MouseButton::Left));
    let kinds = [LEFT, drag, MouseAction::Move(None), MouseAction::ScrollUp];
    let table = [
        (MouseTracking::Off, [false, false, false, false]),
        (MouseTracking::Click, [true, false, false, true]),
        (MouseTracking::Drag, [true, true, false, true]),
        (MouseTracking::Motion, [true, true, true, true]),
    ];
    for (tracking, expected) in table {
        assert_eq!(kinds.map(|kind| sent(tracking, kind)), expected, "{tracking:?}");
    }
}

#[test]
fn places_that_have_no_byte_are_not_sent() {
    let sent = |encoding, column| {
        encode_mouse(&event(LEFT, column, 0), &mouse(MouseTracking::Click, encoding)).len()
    };
    assert_eq!((sent(MouseEncoding::X10, 222), sent(MouseEncoding::X10, 223)), (6, 0));
    assert_eq!((sent(MouseEncoding::Utf8, 2014), sent(MouseEncoding::Utf8, 2015)), (7, 0));
    let last = event(LEFT, u16::MAX, u16::MAX);
    let modes = mouse(MouseTracking::Click, MouseEncoding::Sgr);
    assert_eq!(shown(&encode_mouse(&last, &modes)), "^[[<0;65536;65536M");
}

#[test]
fn the_wheel_is_arrows_on_the_alternate_screen() {
    let modes = InputModes { wheel_as_arrows: true, ..InputModes::default() };
    let up = event(MouseAction::ScrollUp, 0, 0);
    assert_eq!(shown(&encode_mouse(&up, &modes)), "^[[A^[[A^[[A");
    let modes = InputModes { application_cursor: true, ..modes };
    let down = event(MouseAction::ScrollDown, 0, 0);
    assert_eq!(shown(&encode_mouse(&down, &modes)), "^[OB^[OB^[OB");
    assert_eq!(encode_mouse(&event(LEFT, 0, 0), &modes), b"");
    assert_eq!(encode_mouse(&up, &InputModes::default()), b"");
}

#[test]
fn focus_is_told_if_the_child_wants_to_know() {
    let modes = InputModes { focus: true, ..InputModes::default() };
    assert_eq!(encode_focus(true, &modes), b"\x1b[I");
    assert_eq!(encode_focus(false, &modes), b"\x1b[O");
    assert_eq!(encode_focus(true, &InputModes::default()), b"");
}

#[test]
fn mouse_events_as_json() {
    let json = serde_json::json!({"action": {"press": "left"}, "column": 1, "row": 2});
    let event: MouseEvent = serde_json::from_value(json).unwrap();
    assert_eq!(event, self::event(LEFT, 1, 2));
}
