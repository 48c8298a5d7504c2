//! Templates: texts with placeholders such as `{code}`.

/// Appends a template to `out`, with each placeholder replaced by its value. The inserted values
/// are not searched for placeholders. A placeholder that has no value stays as it is.
///
/// If a value is a secret, `out` needs the capacity for the whole text. Otherwise the text moves,
/// and leaves a copy in memory.
pub fn fill(template: &str, values: &[(&str, &str)], out: &mut String) {
    let mut rest = template;
    while let Some(position) = rest.find('{') {
        out.push_str(&rest[..position]);
        rest = &rest[position..];
        match values.iter().find(|(placeholder, _)| rest.starts_with(placeholder)) {
            Some((placeholder, value)) => {
                out.push_str(value);
                rest = &rest[placeholder.len()..];
            }
            None => {
                out.push('{');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
}
