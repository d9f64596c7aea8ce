//! A directory by hand that numbers its changes as controllers do: renames, inherited access control and lists of names
//! change others without a number. A refreshed snapshot must equal a new collection after every step.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// An object; what it inherits is its ancestors'.
#[derive(Clone, Debug)]
struct Object {
    parent: Option<u8>,
    name: u32,
    class: &'static str,
    members: Vec<u8>,
    access: u8,
    inheritable: u8,
    text: u8,
    usn: u64,
}

/// The directory: objects by number, of which 0 is the domain.
#[derive(Clone, Debug)]
struct World {
    objects: BTreeMap<u8, Object>,
    deleted: Vec<(u8, u64)>,
    usn: u64,
    names: u32,
    /// Whether the account may read the container of the deleted.
    tombstones: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Add(&'static str, u8),
    Rename(u8),
    Move(u8, u8),
    /// Two objects swap their names, so that a name means another one.
    Swap(u8, u8),
    Delete(u8),
    Access(u8, u8),
    Inheritable(u8, u8),
    Join(u8, u8),
    Leave(u8),
    Text(u8, u8),
}

fn guid(number: u8) -> Guid {
    Guid::from_u128(u128::from(number) + 1)
}

impl World {
    fn new(tombstones: bool) -> Self {
        let domain = Object {
            parent: None,
            name: 0,
            class: "domainDNS",
            members: Vec::new(),
            access: 0,
            inheritable: 0,
            text: 0,
            usn: 1,
        };
        Self { objects: BTreeMap::from([(0, domain)]), deleted: Vec::new(), usn: 1, names: 0, tombstones }
    }

    /// Any object by a number of the test's choice.
    fn pick(&self, number: u8, class: &str) -> Option<u8> {
        let fitting: Vec<u8> =
            self.objects.iter().filter(|(_, o)| class.is_empty() || o.class == class).map(|(id, _)| *id).collect();
        fitting.get(usize::from(number) % fitting.len().max(1)).copied()
    }

    fn folder(&self, number: u8) -> u8 {
        let folders: Vec<u8> = self
            .objects
            .iter()
            .filter(|(_, o)| ["organizationalUnit", "domainDNS", "msExchConfigurationContainer"].contains(&o.class))
            .map(|(id, _)| *id)
            .collect();
        folders[usize::from(number) % folders.len()]
    }

    fn ancestors(&self, id: u8) -> Vec<u8> {
        std::iter::successors(Some(id), |id| self.objects[id].parent).collect()
    }

    fn dn(&self, id: u8) -> String {
        let names = self.ancestors(id).into_iter().map(|id| match id {
            0 => "DC=x".to_owned(),
            _ => format!("CN=n\\,{}", self.objects[&id].name),
        });
        names.collect::<Vec<_>>().join(",")
    }

    fn entry(&self, id: u8) -> Entry {
        let object = &self.objects[&id];
        let own = guid(id).to_wire();
        let mut values: Vec<(&str, Vec<u8>)> = vec![
            ("objectClass", object.class.as_bytes().to_vec()),
            ("objectGUID", own.to_vec()),
            ("description", vec![b'a' + object.text % 20]),
        ];
        values.extend(object.members.iter().map(|member| ("member", self.dn(*member).into_bytes())));
        let inherited = self.ancestors(id).into_iter().skip(1).map(|id| self.objects[&id].inheritable);
        values
            .push(("nTSecurityDescriptor", [object.access, object.inheritable].into_iter().chain(inherited).collect()));
        let values: Vec<(&str, &[u8])> = values.iter().map(|(name, value)| (*name, value.as_slice())).collect();
        Entry::new(&self.dn(id), &values)
    }

    fn touch(&mut self, id: u8) {
        self.usn += 1;
        let usn = self.usn;
        if let Some(object) = self.objects.get_mut(&id) {
            object.usn = usn;
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Add(class, folder) => {
                let Some(id) = (1..=u8::MAX)
                    .find(|id| !self.objects.contains_key(id) && self.deleted.iter().all(|(gone, _)| gone != id))
                else {
                    return;
                };
                self.names += 1;
                let parent = Some(self.folder(*folder));
                let object = Object { parent, name: self.names, class, ..self.objects[&0].clone() };
                self.objects.insert(id, Object { access: 0, inheritable: 0, ..object });
                self.touch(id);
            }
            Step::Rename(which) => {
                let Some(id) = self.pick(*which, "").filter(|id| *id != 0) else { return };
                self.names += 1;
                self.objects.get_mut(&id).unwrap().name = self.names;
                self.touch(id);
            }
            Step::Move(which, folder) => {
                let (Some(id), folder) = (self.pick(*which, "").filter(|id| *id != 0), self.folder(*folder)) else {
                    return;
                };
                if !self.ancestors(folder).contains(&id) {
                    self.objects.get_mut(&id).unwrap().parent = Some(folder);
                    self.touch(id);
                }
            }
            Step::Swap(one, other) => {
                let (Some(one), Some(other)) = (self.pick(*one, "user"), self.pick(*other, "user")) else { return };
                let (first, second) = (self.objects[&one].clone(), self.objects[&other].clone());
                for (id, place) in [(one, second), (other, first)] {
                    let object = self.objects.get_mut(&id).unwrap();
                    (object.name, object.parent) = (place.name, place.parent);
                    self.touch(id);
                }
            }
            Step::Delete(which) => {
                let Some(id) = self.pick(*which, "").filter(|id| *id != 0) else { return };
                let gone: Vec<u8> = self.objects.keys().copied().filter(|o| self.ancestors(*o).contains(&id)).collect();
                for id in gone {
                    self.usn += 1;
                    self.deleted.push((id, self.usn));
                    self.objects.remove(&id);
                    self.objects.values_mut().for_each(|object| object.members.retain(|member| *member != id));
                }
            }
            Step::Access(which, value) | Step::Inheritable(which, value) | Step::Text(which, value) => {
                let Some(id) = self.pick(*which, "") else { return };
                let object = self.objects.get_mut(&id).unwrap();
                match step {
                    Step::Access(..) => object.access = *value,
                    Step::Inheritable(..) => object.inheritable = *value,
                    _ => object.text = *value,
                }
                self.touch(id);
            }
            Step::Join(group, member) => {
                let (Some(group), Some(member)) = (self.pick(*group, "group"), self.pick(*member, "")) else { return };
                if !self.objects[&group].members.contains(&member) {
                    self.objects.get_mut(&group).unwrap().members.push(member);
                    self.touch(group);
                }
            }
            Step::Leave(group) => {
                let Some(group) = self.pick(*group, "group") else { return };
                self.objects.get_mut(&group).unwrap().members.pop();
                self.touch(group);
            }
        }
    }

    /// What a collection reads.
    fn whole(&self) -> Vec<Entry> {
        let wanted = self.objects.iter().filter(|(_, object)| object.class != "msExchConfigurationContainer");
        wanted.map(|(id, _)| self.entry(*id)).collect()
    }
}

impl Server for World {
    async fn changed(&mut self, since: u64) -> Result<Vec<Entry>> {
        let changed = self.objects.iter().filter(|(_, object)| object.usn > since);
        Ok(changed.map(|(id, _)| self.entry(*id)).collect())
    }

    async fn below(&mut self, dn: &str) -> Result<Vec<Entry>> {
        let folder = dn.to_lowercase();
        Ok(self.whole().into_iter().filter(|entry| within(&entry.dn.to_lowercase(), &folder)).collect())
    }

    async fn deleted(&mut self, since: u64) -> Result<Option<Vec<Guid>>> {
        let gone = self.deleted.iter().filter(|(_, usn)| *usn > since).map(|(id, _)| guid(*id));
        Ok(self.tombstones.then(|| gone.collect()))
    }

    async fn present(&mut self) -> Result<FxHashSet<Guid>> {
        Ok(self.whole().iter().filter_map(|entry| entry.guid("objectGUID")).collect())
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // The last is a folder of a class that no collection reads: what it holds inherits all the same.
    let class = prop::sample::select(vec!["user", "group", "organizationalUnit", "msExchConfigurationContainer"]);
    let step = prop_oneof![
        4 => (class, any::<u8>()).prop_map(|(class, folder)| Step::Add(class, folder)),
        1 => any::<u8>().prop_map(Step::Rename),
        1 => any::<(u8, u8)>().prop_map(|(which, folder)| Step::Move(which, folder)),
        1 => any::<(u8, u8)>().prop_map(|(one, other)| Step::Swap(one, other)),
        1 => any::<u8>().prop_map(Step::Delete),
        1 => any::<(u8, u8)>().prop_map(|(which, value)| Step::Access(which, value)),
        1 => any::<(u8, u8)>().prop_map(|(which, value)| Step::Inheritable(which, value)),
        2 => any::<(u8, u8)>().prop_map(|(group, member)| Step::Join(group, member)),
        1 => any::<u8>().prop_map(Step::Leave),
        1 => any::<(u8, u8)>().prop_map(|(which, value)| Step::Text(which, value)),
    ];
    prop::collection::vec(step, 0..12)
}

fn sorted(entries: &[Entry]) -> BTreeMap<Guid, Entry> {
    by_guid(entries).map(|(guid, entry)| (guid, entry.clone())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_refreshed_snapshot_equals_a_new_collection(
        tombstones: bool,
        rounds in prop::collection::vec(steps(), 1..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut world = World::new(tombstones);
        let mut snapshot = Snapshot { entries: world.whole(), ..Snapshot::default() };
        snapshot.root.domain = "DC=x".to_owned();
        snapshot.root.configuration = "CN=Configuration,DC=x".to_owned();
        for round in rounds {
            let (since, before) = (world.usn, snapshot.entries.clone());
            round.iter().for_each(|step| world.step(step));
            let Some(found) = runtime.block_on(read(&mut world, &snapshot, since)).unwrap() else {
                // The domain's own access control changed: everything is read anew.
                snapshot.entries = world.whole();
                continue;
            };
            let changes = found.apply(&mut snapshot);
            prop_assert_eq!(sorted(&snapshot.entries), sorted(&world.whole()));
            let truth = Changes::between(&before, &snapshot.entries);
            prop_assert_eq!(&changes.touched, &truth.touched);
            prop_assert_eq!(sorted(&changes.before), sorted(&truth.before));
        }
    }
}

#[test]
fn folders_end_at_commas_that_are_not_escaped() {
    assert!(within("cn=a,ou=b,dc=x", "ou=b,dc=x") && within("ou=b,dc=x", "ou=b,dc=x"));
    assert!(!within("cn=a\\,ou=b,dc=x", "ou=b,dc=x") && !within("cn=aou=b,dc=x", "ou=b,dc=x"));
}

#[test]
fn another_copy_of_the_directory_has_other_numbers() {
    let root = |invocation: u128, usn| RootDse {
        domain: "DC=x".to_owned(),
        invocation: Some(Guid::from_u128(invocation)),
        highest_usn: Some(usn),
        ..RootDse::default()
    };
    assert_eq!(comparable(&root(1, 5), &root(1, 9)), Some(5));
    assert_eq!(comparable(&root(1, 5), &root(2, 9)), None, "another controller, or one that was restored");
    assert_eq!(comparable(&root(1, 5), &root(1, 4)), None, "numbers that went back");
    assert_eq!(comparable(&RootDse::default(), &RootDse::default()), None);
}
