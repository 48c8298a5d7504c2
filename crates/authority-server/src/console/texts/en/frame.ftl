# The frame of every page.

layout-skip = Skip to the content
layout-navigation = Pages
layout-language = Language
layout-sign-out = Sign out

# Errors.

error-title = Error { $status }
error-home = Back to the first page
error-request = The service cannot read this request. Nothing was changed.
error-session = Your session has ended. Sign in again.
error-forbidden = You may not do this. Nothing was changed.
error-not-found = There is no such page.
error-method = This page does not support the method of the request. Nothing was changed.
error-conflict = Another change was faster. Load the page again.
error-type = The form has another type than this page expects. Nothing was changed.
error-limited = Too many requests. Wait a moment and try again.
error-service = The service cannot answer now. The log has the cause.

# Times.

time-now = just now
time-seconds-ago = { $count ->
    [one] { $count } second ago
   *[other] { $count } seconds ago
}
time-in-seconds = { $count ->
    [one] in { $count } second
   *[other] in { $count } seconds
}
time-minutes-ago = { $count ->
    [one] { $count } minute ago
   *[other] { $count } minutes ago
}
time-in-minutes = { $count ->
    [one] in { $count } minute
   *[other] in { $count } minutes
}
time-hours-ago = { $count ->
    [one] { $count } hour ago
   *[other] { $count } hours ago
}
time-in-hours = { $count ->
    [one] in { $count } hour
   *[other] in { $count } hours
}
time-days-ago = { $count ->
    [one] { $count } day ago
   *[other] { $count } days ago
}
time-in-days = { $count ->
    [one] in { $count } day
   *[other] in { $count } days
}
