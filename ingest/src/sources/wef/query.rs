//! Which events sources are asked for by default: what `sources::windows` reads. Windows takes some twenty conditions in a
//! `Select`, so that the security log has several.

/// The default query.
pub const DEFAULT: &str = r#"<QueryList>
<Query Id="0" Path="Security">
<Select Path="Security">*[System[(EventID=1102 or EventID=4624 or EventID=4625 or EventID=4634 or EventID=4647 or EventID=4648 or EventID=4662 or EventID=4672 or EventID=4697 or EventID=4698 or EventID=4702 or EventID=4719 or EventID=4720)]]</Select>
<Select Path="Security">*[System[((EventID &gt;= 4722 and EventID &lt;= 4726) or EventID=4728 or EventID=4729 or EventID=4732 or EventID=4733 or EventID=4738 or (EventID &gt;= 4740 and EventID &lt;= 4743) or EventID=4746 or EventID=4747)]]</Select>
<Select Path="Security">*[System[(EventID=4751 or EventID=4752 or EventID=4756 or EventID=4757 or EventID=4761 or EventID=4762 or (EventID &gt;= 4765 and EventID &lt;= 4771) or EventID=4776 or EventID=4778 or EventID=4781 or EventID=4794)]]</Select>
<Select Path="Security">*[System[((EventID &gt;= 4886 and EventID &lt;= 4888) or (EventID &gt;= 5136 and EventID &lt;= 5141) or EventID=5145)]]</Select>
</Query>
<Query Id="1" Path="System">
<Select Path="System">*[System[(EventID=104 or EventID=7045)]]</Select>
</Query>
<Query Id="2" Path="Directory Service">
<Select Path="Directory Service">*[System[(EventID=1644)]]</Select>
</Query>
<Query Id="3" Path="Microsoft-Windows-NTLM/Operational">
<Select Path="Microsoft-Windows-NTLM/Operational">*[System[(EventID &gt;= 8001 and EventID &lt;= 8006)]]</Select>
</Query>
<Query Id="4" Path="Microsoft-Windows-TaskScheduler/Operational">
<Select Path="Microsoft-Windows-TaskScheduler/Operational">*[System[(EventID=106 or EventID=140)]]</Select>
</Query>
</QueryList>"#;
