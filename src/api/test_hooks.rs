//! `pims.test.panic`: panics on purpose, in test builds only. It proves that no panic leaves the
//! library.

use super::{Method, Route, Selector, Task};

#[allow(clippy::panic)]
pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::Get,
        api: "pims.test.panic",
        selector: Selector::Type,
        operation: "judge",
        parameters: &[],
        judge: |_, _| panic!("on purpose, while a call is judged"),
    },
    Route {
        method: Method::Get,
        api: "pims.test.panic",
        selector: Selector::Type,
        operation: "view",
        parameters: &[],
        judge: |_, _| Ok(Task::View(|_| panic!("on purpose, in a task without a lock"))),
    },
    Route {
        method: Method::Get,
        api: "pims.test.panic",
        selector: Selector::Type,
        operation: "component",
        parameters: &[],
        judge: |_, _| Task::new(|_| panic!("on purpose, in a task that holds the component")),
    },
];
