//! `pims.test.panic`: panics on purpose, in test builds only. It proves that no panic leaves the
//! library.

use super::{Method, Route, Selector, Task, Validate};

#[allow(clippy::panic)]
pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::Get,
        api: "pims.test.panic",
        selector: Selector::Type,
        operation: "validate",
        validate: Validate::None(|| panic!("on purpose, while a call is validated")),
    },
    Route {
        method: Method::Get,
        api: "pims.test.panic",
        selector: Selector::Type,
        operation: "view",
        validate: Validate::None(|| Ok(Task::View(|_| panic!("on purpose, in a task without a lock")))),
    },
    Route {
        method: Method::Get,
        api: "pims.test.panic",
        selector: Selector::Type,
        operation: "component",
        validate: Validate::None(|| Task::new(|_| panic!("on purpose, in a task that holds the component"))),
    },
];
