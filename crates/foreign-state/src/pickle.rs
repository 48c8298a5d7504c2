//! The pickles of the Python clients, read as data.
//!
//! The machine has a stack of values and a memo. Values are small and copied; the members of an
//! object or a dictionary stand in one table beside the stack. So an object that contains itself
//! costs nothing, and nothing here recurses.

use super::shape::{self, Members, Scalar};
use super::{Error, Fault, State};

/// First byte of a pickle of protocol 2 or later.
pub(super) const PROTO: u8 = 0x80;

/// Greatest number of values on the stack, of memo entries, and of objects and dictionaries.
/// A state of the known clients has about 120, 120 and 6.
const MAX_VALUES: usize = 1024;

/// Class of a client, by the last part of its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Root,
    RenamedRoot,
    Part,
}

impl Class {
    fn named(name: &str) -> Option<Self> {
        match name.rsplit('.').next() {
            Some("Otp") => Some(Self::Root),
            Some("InweboOTP") => Some(Self::RenamedRoot),
            Some("IWData" | "Tokenizer") => Some(Self::Part),
            _ => None,
        }
    }
}

#[derive(Clone, Copy)]
enum Value<'a> {
    Mark,
    None,
    Text(&'a str),
    Integer(u64),
    Fraction(f64),
    /// A flag, a negative number, or one of 2^64 or more.
    Other,
    EmptyTuple,
    List,
    Class(Class),
    /// A dictionary, by its place in the table.
    Dict(usize),
    /// An object, by its place in the table.
    Object(usize),
}

/// Dictionary or object.
struct Node<'a> {
    class: Option<Class>,
    is_built: bool,
    members: Vec<(Value<'a>, Value<'a>)>,
    /// The dictionary whose members an object has.
    dict: Option<usize>,
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Value<'a>>,
    memo: Vec<Option<Value<'a>>>,
    memo_count: usize,
    nodes: Vec<Node<'a>>,
}

/// Reads a state.
pub(super) fn read(bytes: &[u8]) -> Result<State, Error> {
    let mut machine =
        Machine { bytes, at: 0, stack: Vec::with_capacity(64), memo: Vec::new(), memo_count: 0, nodes: Vec::new() };
    let root = machine.run()?;
    let (class, tree) = machine.root(root).ok_or(Error::Pickle { at: machine.at, fault: Fault::Root })?;
    match class {
        Class::RenamedRoot => shape::PYTHON_RENAMED.read(&tree),
        Class::Root | Class::Part => shape::PYTHON.read(&tree),
    }
}

impl<'a> Machine<'a> {
    /// Runs the pickle and returns its value.
    fn run(&mut self) -> Result<Value<'a>, Error> {
        loop {
            let at = self.at;
            match self.step() {
                Ok(None) => {}
                Ok(Some(value)) if self.at == self.bytes.len() => return Ok(value),
                Ok(Some(_)) => return Err(Error::Pickle { at: self.at, fault: Fault::Trailing }),
                Err(fault) => return Err(Error::Pickle { at, fault }),
            }
        }
    }

    /// Runs one opcode. `STOP` returns the value.
    fn step(&mut self) -> Result<Option<Value<'a>>, Fault> {
        match self.byte()? {
            PROTO => match self.byte()? {
                2..=5 if self.at == 2 => {}
                _ => return Err(Fault::Protocol),
            },
            // FRAME: the number of bytes that follow, which counts for readers of streams only.
            0x95 => {
                self.number(8)?;
            }
            b'(' => self.push(Value::Mark)?,
            b'.' => {
                let value = self.pop()?;
                return if self.stack.is_empty() { Ok(Some(value)) } else { Err(Fault::Stack) };
            }
            b'N' => self.push(Value::None)?,
            // NEWTRUE, NEWFALSE
            0x88 | 0x89 => self.push(Value::Other)?,
            b'J' => self.signed(4)?,
            b'K' => {
                let number = self.number(1)?;
                self.push(Value::Integer(number))?;
            }
            b'M' => {
                let number = self.number(2)?;
                self.push(Value::Integer(number))?;
            }
            // LONG1
            0x8a => {
                let length = self.number(1)?;
                self.signed(length)?;
            }
            // BINFLOAT
            b'G' => {
                let bytes = self.take(8)?.first_chunk().ok_or(Fault::Truncated)?;
                self.push(Value::Fraction(f64::from_be_bytes(*bytes)))?;
            }
            b'X' => self.text(4)?,
            // SHORT_BINUNICODE, BINUNICODE8
            0x8c => self.text(1)?,
            0x8d => self.text(8)?,
            b'}' => {
                let dict = self.add(None)?;
                self.push(Value::Dict(dict))?;
            }
            b']' => self.push(Value::List)?,
            b')' => self.push(Value::EmptyTuple)?,
            b's' => {
                let (value, name) = (self.pop_value()?, self.pop_value()?);
                self.members_of_top()?.push((name, value));
            }
            b'u' => self.set_items()?,
            b'a' => {
                self.pop_value()?;
                self.top_is_list()?;
            }
            b'e' => {
                self.pop_to_mark()?;
                self.top_is_list()?;
            }
            b'c' => {
                self.line()?;
                let name = self.line()?;
                self.class(name)?;
            }
            // STACK_GLOBAL
            0x93 => match (self.pop()?, self.pop()?) {
                (Value::Text(name), Value::Text(_)) => self.class(name)?,
                _ => return Err(Fault::Stack),
            },
            // NEWOBJ
            0x81 => match (self.pop()?, self.pop()?) {
                (Value::EmptyTuple, Value::Class(class)) => {
                    let object = self.add(Some(class))?;
                    self.push(Value::Object(object))?;
                }
                _ => return Err(Fault::Stack),
            },
            b'b' => self.build()?,
            // MEMOIZE
            0x94 => self.memoize(self.memo_count as u64)?,
            b'q' => {
                let place = self.number(1)?;
                self.memoize(place)?;
            }
            b'r' => {
                let place = self.number(4)?;
                self.memoize(place)?;
            }
            b'h' => {
                let place = self.number(1)?;
                self.recall(place)?;
            }
            b'j' => {
                let place = self.number(4)?;
                self.recall(place)?;
            }
            other => return Err(name_of(other).map_or(Fault::NoOpcode, Fault::Opcode)),
        }
        Ok(None)
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], Fault> {
        let rest = &self.bytes[self.at..];
        let length = usize::try_from(length).map_err(|_| Fault::Truncated)?;
        let taken = rest.get(..length).ok_or(Fault::Truncated)?;
        self.at += length;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        self.take(1).map(|bytes| bytes[0])
    }

    /// Returns a little-endian number of at most 8 bytes.
    fn number(&mut self, length: u64) -> Result<u64, Fault> {
        let bytes = self.take(length)?;
        Ok(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// Pushes a little-endian number in two's complement.
    fn signed(&mut self, length: u64) -> Result<(), Fault> {
        let bytes = self.take(length)?;
        let is_negative = bytes.last().is_some_and(|last| last & 0x80 != 0);
        let number = bytes
            .iter()
            .rev()
            .try_fold(0u64, |number, byte| (number >> 56 == 0).then_some(number << 8 | u64::from(*byte)));
        self.push(match number {
            Some(number) if !is_negative => Value::Integer(number),
            _ => Value::Other,
        })
    }

    fn text(&mut self, length_bytes: u64) -> Result<(), Fault> {
        let length = self.number(length_bytes)?;
        let text = std::str::from_utf8(self.take(length)?).map_err(|_| Fault::Text)?;
        self.push(Value::Text(text))
    }

    /// Returns the text before the next line break.
    fn line(&mut self) -> Result<&'a str, Fault> {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|byte| *byte == b'\n').ok_or(Fault::Truncated)?;
        self.at += length + 1;
        std::str::from_utf8(&rest[..length]).map_err(|_| Fault::Text)
    }

    fn class(&mut self, name: &str) -> Result<(), Fault> {
        let class = Class::named(name).ok_or(Fault::Class)?;
        self.push(Value::Class(class))
    }

    fn push(&mut self, value: Value<'a>) -> Result<(), Fault> {
        if self.stack.len() == MAX_VALUES {
            return Err(Fault::Limit);
        }
        self.stack.push(value);
        Ok(())
    }

    fn pop(&mut self) -> Result<Value<'a>, Fault> {
        self.stack.pop().ok_or(Fault::Stack)
    }

    /// Pops a value that is no mark.
    fn pop_value(&mut self) -> Result<Value<'a>, Fault> {
        match self.pop()? {
            Value::Mark => Err(Fault::Stack),
            value => Ok(value),
        }
    }

    /// Pops the values above the last mark, and the mark.
    fn pop_to_mark(&mut self) -> Result<Vec<Value<'a>>, Fault> {
        let mark = self.stack.iter().rposition(|value| matches!(value, Value::Mark)).ok_or(Fault::Stack)?;
        let values = self.stack.split_off(mark + 1);
        self.stack.pop();
        Ok(values)
    }

    fn top_is_list(&self) -> Result<(), Fault> {
        if matches!(self.stack.last(), Some(Value::List)) { Ok(()) } else { Err(Fault::Stack) }
    }

    fn members_of_top(&mut self) -> Result<&mut Vec<(Value<'a>, Value<'a>)>, Fault> {
        match self.stack.last() {
            Some(Value::Dict(dict)) => self.nodes.get_mut(*dict).map(|node| &mut node.members).ok_or(Fault::Stack),
            _ => Err(Fault::Stack),
        }
    }

    fn set_items(&mut self) -> Result<(), Fault> {
        let values = self.pop_to_mark()?;
        let (pairs, rest) = values.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(Fault::Stack);
        }
        self.members_of_top()?.extend(pairs.iter().map(|[name, value]| (*name, *value)));
        Ok(())
    }

    fn add(&mut self, class: Option<Class>) -> Result<usize, Fault> {
        if self.nodes.len() == MAX_VALUES {
            return Err(Fault::Limit);
        }
        self.nodes.push(Node { class, is_built: false, members: Vec::new(), dict: None });
        Ok(self.nodes.len() - 1)
    }

    /// Gives an object the members of a dictionary. An object is built once.
    fn build(&mut self) -> Result<(), Fault> {
        let Value::Dict(dict) = self.pop()? else { return Err(Fault::Stack) };
        let Some(Value::Object(object)) = self.stack.last() else { return Err(Fault::Stack) };
        match self.nodes.get_mut(*object) {
            Some(node) if !node.is_built => (node.is_built, node.dict) = (true, Some(dict)),
            _ => return Err(Fault::Stack),
        }
        Ok(())
    }

    fn memoize(&mut self, place: u64) -> Result<(), Fault> {
        let place = usize::try_from(place).ok().filter(|place| *place < MAX_VALUES).ok_or(Fault::Limit)?;
        let value = match self.stack.last() {
            None | Some(Value::Mark) => return Err(Fault::Stack),
            Some(value) => *value,
        };
        if self.memo.len() <= place {
            self.memo.resize(place + 1, None);
        }
        if self.memo[place].replace(value).is_none() {
            self.memo_count += 1;
        }
        Ok(())
    }

    fn recall(&mut self, place: u64) -> Result<(), Fault> {
        let value = usize::try_from(place).ok().and_then(|place| self.memo.get(place).copied().flatten());
        self.push(value.ok_or(Fault::Memo)?)
    }

    /// Returns the class and the members of the object of a client.
    fn root(&self, value: Value<'a>) -> Option<(Class, Tree<'_, 'a>)> {
        let Value::Object(object) = value else { return None };
        let node = self.nodes.get(object)?;
        match node.class? {
            Class::Part => None,
            class => Some((class, Tree { machine: self, dict: node.dict? })),
        }
    }

    fn member(&self, dict: usize, name: &str) -> Option<Value<'a>> {
        let members = &self.nodes.get(dict)?.members;
        let is_named = |known: &Value<'_>| matches!(known, Value::Text(text) if *text == name);
        members.iter().rev().find(|(known, _)| is_named(known)).map(|(_, value)| *value)
    }
}

/// Members of the object of a client.
struct Tree<'m, 'a> {
    machine: &'m Machine<'a>,
    dict: usize,
}

impl Members for Tree<'_, '_> {
    fn get(&self, path: &str) -> Option<Scalar<'_>> {
        let value = match path.split_once('.') {
            Some((outer, inner)) => {
                let dict = match self.machine.member(self.dict, outer)? {
                    Value::Dict(dict) => dict,
                    Value::Object(object) => self.machine.nodes.get(object)?.dict?,
                    _ => return None,
                };
                self.machine.member(dict, inner)?
            }
            None => self.machine.member(self.dict, path)?,
        };
        Some(match value {
            Value::None => Scalar::Null,
            Value::Text(text) => Scalar::Text(text),
            Value::Integer(number) => Scalar::Integer(number),
            Value::Fraction(number) => Scalar::Fraction(number),
            _ => Scalar::Other,
        })
    }
}

/// Returns the name of an opcode that this reader refuses.
fn name_of(opcode: u8) -> Option<&'static str> {
    Some(match opcode {
        b'0' => "POP",
        b'1' => "POP_MARK",
        b'2' => "DUP",
        b'F' => "FLOAT",
        b'I' => "INT",
        b'L' => "LONG",
        b'P' => "PERSID",
        b'Q' => "BINPERSID",
        b'R' => "REDUCE",
        b'S' => "STRING",
        b'T' => "BINSTRING",
        b'U' => "SHORT_BINSTRING",
        b'V' => "UNICODE",
        b'B' => "BINBYTES",
        b'C' => "SHORT_BINBYTES",
        b'd' => "DICT",
        b'l' => "LIST",
        b't' => "TUPLE",
        b'g' => "GET",
        b'i' => "INST",
        b'o' => "OBJ",
        b'p' => "PUT",
        0x82 => "EXT1",
        0x83 => "EXT2",
        0x84 => "EXT4",
        0x85 => "TUPLE1",
        0x86 => "TUPLE2",
        0x87 => "TUPLE3",
        0x8b => "LONG4",
        0x8e => "BINBYTES8",
        0x8f => "EMPTY_SET",
        0x90 => "ADDITEMS",
        0x91 => "FROZENSET",
        0x92 => "NEWOBJ_EX",
        0x96 => "BYTEARRAY8",
        0x97 => "NEXT_BUFFER",
        0x98 => "READONLY_BUFFER",
        _ => return None,
    })
}
