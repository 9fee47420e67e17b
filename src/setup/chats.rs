//! Whom the alerts go to: one person, from a private chat with the bot. Pure.

/// A chat that somebody has written from to the bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chat {
    pub id: i64,
    /// With one person. All else (a group, a channel) is read by others too.
    pub private: bool,
    /// What they call themselves: anybody can take any name.
    pub name: String,
}

/// Who has written to the bot.
#[derive(Debug, PartialEq, Eq)]
pub enum Wrote {
    Nobody,
    /// Only from where others read along; this is the last such chat.
    OnlyGroup(Chat),
    /// Each person once, the last who wrote first.
    People(Vec<Chat>),
}

/// Sorts out who has written.
pub fn wrote(chats: &[Chat]) -> Wrote {
    let mut people: Vec<Chat> = Vec::new();
    // A group has an id below 0, whatever it is called.
    for chat in chats.iter().rev().filter(|chat| chat.private && chat.id > 0) {
        if people.iter().all(|known| known.id != chat.id) {
            people.push(chat.clone());
        }
    }
    match (people.is_empty(), chats.last()) {
        (false, _) => Wrote::People(people),
        (true, Some(group)) => Wrote::OnlyGroup(group.clone()),
        (true, None) => Wrote::Nobody,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(id: i64, private: bool) -> Chat {
        Chat { id, private, name: format!("{id}") }
    }

    #[test]
    fn only_a_person_is_told_and_each_is_named_once() {
        let (ann, bob, group) = (chat(7, true), chat(9, true), chat(-100, false));
        let odd = chat(-5, true);
        let rows: [(&[Chat], Wrote); 6] = [
            (&[], Wrote::Nobody),
            (std::slice::from_ref(&ann), Wrote::People(vec![ann.clone()])),
            (&[ann.clone(), bob.clone(), ann.clone(), group.clone()], Wrote::People(vec![ann.clone(), bob.clone()])),
            (&[bob.clone(), ann.clone(), bob.clone()], Wrote::People(vec![bob.clone(), ann.clone()])),
            (std::slice::from_ref(&group), Wrote::OnlyGroup(group.clone())),
            (std::slice::from_ref(&odd), Wrote::OnlyGroup(odd.clone())),
        ];
        for (chats, expected) in rows {
            assert_eq!(wrote(chats), expected, "{chats:?}");
        }
    }
}
