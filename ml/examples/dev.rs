use std::collections::*; use std::io::*; use hopwatch_ml::*; use hopwatch_ml::access::Access; use hopwatch_ml::evaluation::metrics::*;
fn main(){ for dir in std::env::args().skip(1){ run(&dir);} }
fn run(dir:&str){
 let truth:serde_json::Value=serde_json::from_reader(BufReader::new(std::fs::File::open(format!("{dir}/truth.json")).unwrap())).unwrap();
 let tr=truth["train_days"].as_i64().unwrap();
 let mut red:HashMap<(i64,String,String,String),BTreeSet<u64>>=HashMap::new(); let mut kinds=BTreeMap::new();
 for c in truth["campaigns"].as_array().unwrap(){ let id=c["id"].as_u64().unwrap(); kinds.insert(id,c["kind"].as_str().unwrap().to_string());
  for e in c["edges"].as_array().unwrap(){ red.entry((e[0].as_i64().unwrap()/3600,e[1].as_str().unwrap().into(),e[2].as_str().unwrap().into(),e[3].as_str().unwrap().into())).or_default().insert(id);} }
 let mut text=String::new(); std::fs::File::open(format!("{dir}/auth.txt")).unwrap().read_to_string(&mut text).unwrap();
 let t0=std::time::Instant::now(); let mut sc=Scorer::default(); let mut rows=vec![]; let mut camps=campaign::Campaigns::default(); let mut days=vec![]; let mut lines=0;
 for l in text.lines(){ lines+=1; let Ok(Some(a))=Access::of_lanl(l) else {continue}; let Some(s)=sc.access(&a,&priors::Unknown) else {continue};
   if let Some(e)=camps.observe(&s){days.push(e)}
 if a.time.as_secs()/86400>=tr { let k=(a.time.as_secs()/3600,a.user.to_string(),a.source.to_string(),a.target.to_string()); rows.push((s,red.get(&k).cloned())); } }
 if let Some(e)=camps.finish(){days.push(e)}
 let el=t0.elapsed().as_secs_f64();
 println!("== {dir} lines {lines} {:.2}s {:.0}/s rows {} mal {} entries {}",el,lines as f64/el,rows.len(),rows.iter().filter(|r|r.1.is_some()).count(),sc.store.entries());
 if let Ok(p)=std::env::var("DUMP"){ let mut f=BufWriter::new(std::fs::File::create(format!("{p}{}.csv",dir.rsplit('/').next().unwrap())).unwrap()); writeln!(f,"t,u,s,d,lab,kind,rarity,lr,gb,forest,slow,own,cause,{}",features::NAMES.join(",")).unwrap(); for (s,l) in &rows { if l.is_some()||s.rarity>6.0 ||s.suspicion().is_some() { write!(f,"{},{},{},{},{},{},{},{},{},{},{},{},{}",s.seen.time,s.seen.user,s.seen.source,s.seen.target,l.as_ref().map(|l|l.iter().next().unwrap().to_string()).unwrap_or("-".into()),l.as_ref().map(|l|kinds[l.iter().next().unwrap()].clone()).unwrap_or_default(),s.rarity,s.logistic.unwrap_or(0.),s.trees.unwrap_or(0.),s.forest.unwrap_or(0.),s.sight.slow,s.slow().is_some() as u8,s.sight.cause.map(|c|c as i64).unwrap_or(-1)).unwrap(); for v in s.sight.row {write!(f,",{v:.3}").unwrap();} writeln!(f).unwrap(); } } }
 for k in [5,10]{ for th in [-1e9,0.0,0.7]{ let mut hit=BTreeSet::new(); let mut fp=0; let mut sfp=0; let mut sl=BTreeSet::new(); let mut nd=0; for (d,cs) in &days { if *d<tr {continue} nd+=1; for c in cs.iter().filter(|c|c.score>th).take(k){ let h:BTreeSet<u64>=c.hops.iter().take(10).filter_map(|h|red.get(&(h.seen.time/3600,sc.store.user_names.name(h.seen.user).into(),sc.store.place_names.name(h.seen.source).into(),sc.store.place_names.name(h.seen.target).into()))).flatten().copied().collect(); if h.is_empty(){fp+=1; if c.specialist==campaign::Specialist::Slow{sfp+=1}} else if c.specialist==campaign::Specialist::Slow {sl.extend(h.clone());} hit.extend(h);} }
   let mut pk:BTreeMap<&str,(usize,usize)>=BTreeMap::new(); for (id,kk) in &kinds { let e=pk.entry(kk).or_default(); e.1+=1; if hit.contains(id){e.0+=1} }
   println!("CAMP @{k} >{th:.1} {:.2} ({:.1}/d) slow {}/{sfp} {:?}",hit.len() as f64/kinds.len() as f64,fp as f64/nd as f64,sl.len(),pk); }}
 let y:Vec<bool>=rows.iter().map(|r|r.1.is_some()).collect();
 for (name,f) in [("rarity",Box::new(|s:&Score|s.rarity as f64) as Box<dyn Fn(&Score)->f64>),("forest",Box::new(|s|s.forest.unwrap_or(0.) as f64)),("lr",Box::new(|s|s.logistic.unwrap_or(0.) as f64)),("gb",Box::new(|s|s.trees.unwrap_or(0.) as f64)),("gb+.15r",Box::new(|s|s.trees.unwrap_or(0.) as f64+0.15*s.rarity as f64)),("value",Box::new(|s|s.value()))]{
  let v:Vec<f64>=rows.iter().map(|r|f(&r.0)).collect(); 
  let mut g:BTreeMap<(i64,u32),Vec<usize>>=BTreeMap::new(); for (i,r) in rows.iter().enumerate(){ g.entry((r.0.seen.time/86400,r.0.seen.source)).or_default().push(i);} 
  let mut byd:BTreeMap<i64,Vec<(f64,Vec<usize>)>>=BTreeMap::new(); for ((d,_),mut ix) in g { ix.sort_by(|a,b|v[*b].total_cmp(&v[*a])); let s=v[ix[0]]+0.1*ix[1..].iter().take(4).map(|i|v[*i]).sum::<f64>(); byd.entry(d).or_default().push((s,ix)); }
  let mut line=String::new(); for k in [5,10]{ let mut hit=BTreeSet::new(); let mut fp=0; for l in byd.values_mut(){ l.sort_by(|a,b|b.0.total_cmp(&a.0)); for (_,ix) in l.iter().take(k){ let c:BTreeSet<u64>=ix.iter().filter_map(|i|rows[*i].1.clone()).flatten().collect(); if c.is_empty(){fp+=1} hit.extend(c);} }
   let mut pk:BTreeMap<&str,(usize,usize)>=BTreeMap::new(); for (id,kk) in &kinds { let e=pk.entry(kk).or_default(); e.1+=1; if hit.contains(id){e.0+=1} }
   line+=&format!(" @{k} {:.2} ({:.1}/d) {}",hit.len() as f64/kinds.len() as f64,fp as f64/byd.len() as f64, if k==5 {format!("{:?}",pk)} else {String::new()}); }
  println!("{name:8} AUC {:.4} AP {:.3}{line}",auc(&v,&y),average_precision(&v,&y)); }
}
