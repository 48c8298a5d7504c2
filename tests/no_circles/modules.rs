//! The modules of a crate and which of them use which, read from the sources.
//!
//! A path is followed to the module that defines its item, also through `pub use` and through names
//! that a parent imported. Tests (`#[cfg(test)]`) may use everything and are left out; all other
//! features count as on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree};

/// The path of a module from the root of its crate, or a path as it stands in a source.
type Names = Vec<String>;

/// The modules of one crate.
#[derive(Default)]
pub(crate) struct Crate {
    modules: BTreeMap<Names, Module>,
}

/// The declarations and uses of one module.
#[derive(Default)]
struct Module {
    children: BTreeSet<String>,
    items: BTreeSet<String>,
    /// The names that `use` lines bind, each with a path of it.
    imports: BTreeMap<String, Names>,
    /// The paths of `use path::*`.
    globs: Vec<Names>,
    /// Every path of a `use` line, and every other path of more than one name.
    paths: Vec<Names>,
}

/// Modules of one folder that all need one another, and the uses that tie them.
#[derive(Debug)]
pub(crate) struct Circle {
    /// Their names, from the root of the crate.
    pub(crate) modules: BTreeSet<String>,
    /// The uses inside the circle, each with the first path that shows it.
    pub(crate) uses: BTreeMap<String, String>,
}

impl Crate {
    /// Reads a crate whose folder of sources is `source`.
    pub(crate) fn read(source: &Path) -> Self {
        let root = ["lib.rs", "main.rs"].map(|name| source.join(name)).into_iter().find(|file| file.exists());
        let root = root.unwrap_or_else(|| panic!("{}: neither lib.rs nor main.rs", source.display()));
        let mut read = Self::default();
        read.add_file(Names::new(), &root, source.to_owned());
        read
    }

    /// Returns how many modules there are, the root among them.
    pub(crate) fn len(&self) -> usize {
        self.modules.len()
    }

    /// Adds a file. `folder` is where the files of its child modules lie.
    fn add_file(&mut self, name: Names, file: &Path, folder: PathBuf) {
        let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.add_module(name, parsed.items, folder);
    }

    fn add_module(&mut self, name: Names, items: Vec<Item>, folder: PathBuf) {
        let mut module = Module::default();
        let mut children = Vec::new();
        for item in items {
            match item {
                Item::Mod(child) => {
                    if !is_test(&child.attrs) {
                        module.children.insert(child.ident.to_string());
                        children.push(child);
                    }
                }
                item => {
                    module.items.extend(name_of(&item));
                    module.visit_item(&item);
                }
            }
        }
        self.modules.entry(name.clone()).or_default().add(module);
        for child in children {
            let ident = child.ident.to_string();
            let inner = folder.join(&ident);
            let name = [name.as_slice(), std::slice::from_ref(&ident)].concat();
            match child.content {
                Some((_, items)) => self.add_module(name, items, inner),
                None => {
                    let named = paths_in(&child.attrs);
                    for file in &named {
                        self.add_file(name.clone(), &folder.join(file), folder.clone());
                    }
                    if named.is_empty() {
                        let [flat, nested] = [folder.join(format!("{ident}.rs")), inner.join("mod.rs")];
                        self.add_file(name, if flat.exists() { &flat } else { &nested }, inner);
                    }
                }
            }
        }
    }

    /// Returns the circles of modules in each folder. A folder counts as one module for those
    /// outside it. A module and the modules inside it are no circle: what a parent declares is its
    /// children's, too.
    pub(crate) fn circles(&self) -> Vec<Circle> {
        let mut folders: BTreeMap<Names, Vec<Use>> = BTreeMap::new();
        for (user, used, path) in self.uses() {
            let common = user.iter().zip(&used).take_while(|(one, other)| one == other).count();
            let tie = Use::new(&user[..=common], &used[..=common], &user, &used, &path);
            folders.entry(user[..common].to_vec()).or_default().push(tie);
        }
        folders.values().flat_map(|uses| circles_of(uses)).collect()
    }

    /// Returns each use of one module by another that is neither its parent nor its child, with the
    /// path that says so.
    fn uses(&self) -> impl Iterator<Item = (Names, Names, Names)> {
        let paths = self.modules.iter().flat_map(|(user, module)| module.paths.iter().map(move |path| (user, path)));
        let uses = paths.flat_map(|(user, path)| {
            self.modules_of(user, path).into_iter().map(move |used| (user.clone(), used, path.clone()))
        });
        uses.filter(|(user, used, _)| !user.starts_with(used) && !used.starts_with(user))
    }

    /// Returns each module that a path of `module` leads to or through. None if it leads out of the
    /// crate.
    fn modules_of(&self, module: &[String], path: &[String]) -> BTreeSet<Names> {
        let mut found = BTreeSet::new();
        self.follow(module, path, &mut found, 0);
        found
    }

    fn follow(&self, module: &[String], path: &[String], found: &mut BTreeSet<Names>, depth: usize) {
        const DEEPEST: usize = 16;
        let Some((first, rest)) = path.split_first().filter(|_| depth < DEEPEST) else { return };
        match first.as_str() {
            "crate" => self.descend(&[], rest, found, depth),
            "self" => self.descend(module, rest, found, depth),
            "super" => self.descend(&module[..module.len().saturating_sub(1)], rest, found, depth),
            name if self.declares(module, name) => self.descend(module, path, found, depth),
            _ => {}
        }
    }

    /// Follows a path that begins in `module`.
    fn descend(&self, module: &[String], path: &[String], found: &mut BTreeSet<Names>, depth: usize) {
        let here = &self.modules[module];
        let Some((first, rest)) = path.split_first() else {
            found.insert(module.to_vec());
            return;
        };
        if first == "super" || first == "self" {
            return self.follow(module, path, found, depth + 1);
        }
        if here.children.contains(first) {
            let child = [module, std::slice::from_ref(first)].concat();
            return self.descend(&child, rest, found, depth);
        }
        found.insert(module.to_vec());
        if here.items.contains(first) {
            return;
        }
        if let Some(import) = here.imports.get(first) {
            return self.follow(module, &[import.as_slice(), rest].concat(), found, depth + 1);
        }
        for glob in &here.globs {
            self.follow(module, &[glob.as_slice(), path].concat(), found, depth + 1);
        }
    }

    fn declares(&self, module: &[String], name: &str) -> bool {
        let module = &self.modules[module];
        module.children.contains(name)
            // `use x::{self}` and `use x::x` of another crate bind the name that they begin with.
            || module.imports.get(name).is_some_and(|import| import.first().is_some_and(|first| first != name))
    }
}

/// The use of one module by another.
struct Use {
    from: String,
    to: String,
    between: String,
    path: String,
}

impl Use {
    fn new(from: &[String], to: &[String], user: &[String], used: &[String], path: &[String]) -> Self {
        let between = format!("{} uses {}", user.join("::"), used.join("::"));
        Self { from: from.join("::"), to: to.join("::"), between, path: path.join("::") }
    }
}

fn circles_of(uses: &[Use]) -> Vec<Circle> {
    let mut reach: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for Use { from, to, .. } in uses {
        reach.entry(from).or_default().insert(to);
    }
    loop {
        let farther = |next: &BTreeSet<&str>| next.iter().flat_map(|name| reach.get(name)).flatten().copied().collect();
        let more: BTreeMap<&str, BTreeSet<&str>> =
            reach.iter().map(|(name, next)| (*name, next | &farther(next))).collect();
        if more == reach {
            break;
        }
        reach = more;
    }
    let reaches = |from: &str, to: &str| reach.get(from).is_some_and(|next| next.contains(to));
    let mut circles: Vec<Circle> = Vec::new();
    for name in reach.keys().filter(|name| reaches(name, name)) {
        if circles.iter().any(|circle| circle.modules.contains(*name)) {
            continue;
        }
        let modules: BTreeSet<String> = reach
            .keys()
            .filter(|other| reaches(name, other) && reaches(other, name))
            .map(|&it| it.to_owned())
            .collect();
        let ties = uses.iter().filter(|tie| modules.contains(&tie.from) && modules.contains(&tie.to));
        let mut lines = BTreeMap::new();
        for tie in ties {
            lines.entry(tie.between.clone()).or_insert_with(|| tie.path.clone());
        }
        circles.push(Circle { uses: lines, modules });
    }
    circles
}

impl Module {
    /// Adds another file of the same module: each system may have its own.
    fn add(&mut self, other: Self) {
        self.children.extend(other.children);
        self.items.extend(other.items);
        self.imports.extend(other.imports);
        self.globs.extend(other.globs);
        self.paths.extend(other.paths);
    }

    fn bind(&mut self, name: String, path: Names) {
        self.paths.push(path.clone());
        self.imports.insert(name, path);
    }

    fn import(&mut self, tree: &UseTree, mut path: Names) {
        match tree {
            UseTree::Path(part) => {
                path.push(part.ident.to_string());
                self.import(&part.tree, path);
            }
            UseTree::Name(name) if name.ident == "self" => {
                let bound = path.last().cloned().unwrap_or_default();
                self.bind(bound, path);
            }
            UseTree::Name(name) => {
                path.push(name.ident.to_string());
                self.bind(name.ident.to_string(), path);
            }
            UseTree::Rename(renamed) => {
                if renamed.ident != "self" {
                    path.push(renamed.ident.to_string());
                }
                self.bind(renamed.rename.to_string(), path);
            }
            UseTree::Glob(_) => {
                self.paths.push(path.clone());
                self.globs.push(path);
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(tree, path.clone())),
        }
    }

    /// Finds the paths in the tokens of a macro, such as `crate::log::error` in
    /// `a!(crate::log::error(1))`.
    fn scan(&mut self, tokens: TokenStream) {
        let mut path = Names::new();
        let mut colons = 0;
        let mut end = |path: &mut Names| {
            if path.len() > 1 {
                self.paths.push(std::mem::take(path));
            }
            path.clear();
        };
        let mut groups = Vec::new();
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        end(&mut path);
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    groups.push(group.stream());
                    end(&mut path);
                    colons = 0;
                }
                _ => {
                    end(&mut path);
                    colons = 0;
                }
            }
        }
        end(&mut path);
        groups.into_iter().for_each(|group| self.scan(group));
    }
}

impl<'ast> Visit<'ast> for Module {
    fn visit_item(&mut self, item: &'ast Item) {
        if !attributes_of(item).is_some_and(is_test) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        // A path that begins with `::` names another crate.
        if item.leading_colon.is_none() {
            self.import(&item.tree, Names::new());
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() && path.segments.len() > 1 {
            self.paths.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        self.visit_path(&called.path);
        self.scan(called.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.scan(list.tokens.clone());
        }
    }

    // `pub(in crate::module)` uses nothing.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
}

fn is_test(attributes: impl AsRef<[Attribute]>) -> bool {
    attributes.as_ref().iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string().replace(' ', "");
            condition == "test" || condition.starts_with("all(test,")
        }
        _ => false,
    })
}

/// Returns the files that `#[cfg_attr(…, path = "…")]` names.
fn paths_in(attributes: &[Attribute]) -> Vec<String> {
    let mut files = Vec::new();
    for attribute in attributes {
        let tokens: Vec<TokenTree> = match &attribute.meta {
            syn::Meta::List(list) if list.path.is_ident("cfg_attr") => list.tokens.clone().into_iter().collect(),
            _ => continue,
        };
        for window in tokens.windows(3) {
            if let [TokenTree::Ident(name), TokenTree::Punct(_), TokenTree::Literal(file)] = window
                && name == "path"
            {
                files.push(file.to_string().trim_matches('"').to_owned());
            }
        }
    }
    files
}

fn attributes_of(item: &Item) -> Option<&[Attribute]> {
    Some(match item {
        Item::Const(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => return None,
    })
}

fn name_of(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}
