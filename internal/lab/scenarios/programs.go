package scenarios

import (
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// trusting has the roots of one program decide, by the scenario's own tables.
func trusting(p policy.Program) Ask {
	return Ask{Policy: policy.Policy{Trust: p}, Flags: []string{"--trust", p.String()}}
}

// asking asks programs beside the lab's roots, which decide.
func asking(p policy.Programs) Ask {
	return Ask{Policy: policy.Policy{Programs: p}, Flags: []string{"--programs=" + p.String()}}
}

// programs are the scenarios about root programs. Each has tables of its own.
var programs = []Scenario{
	{Name: "program-accepted", Story: "Every root program has the root, without conditions.",
		Want: report.Accept, Ask: asking(policy.EveryProgram), Absent: ids(finding.RootDistrusted, finding.RootDistrustSoon, finding.RootProgramOld)},
	{Name: "program-other-refuses", Story: "Chrome's root program refuses certificates of the root that were logged as late as this one. The lab's roots decide, so that is a warning.",
		Want: report.Accept, Ask: asking(policy.ProgramsOf(policy.ProgramSystem, policy.ProgramMozilla, policy.ProgramChrome, policy.ProgramApple)), Findings: ids(finding.RootDistrusted)},
	{Name: "program-distrust-after", Story: "Mozilla does not trust the root for certificates that were issued in the last three days, and this one was.",
		Want: report.Reject, Ask: trusting(policy.ProgramMozilla), Findings: ids(finding.RootDistrusted)},
	{Name: "program-issued-before", Story: "Mozilla does not trust the root for certificates that were issued since yesterday. This one is two days old, and the last of its kind.",
		Want: report.Accept, Ask: trusting(policy.ProgramMozilla), Findings: ids(finding.RootDistrustSoon)},
	{Name: "program-not-before", Story: "Microsoft does not trust the root for certificates that were issued in the last three days, and this one was.",
		Want: report.Reject, Ask: trusting(policy.ProgramMicrosoft), Findings: ids(finding.RootDistrusted)},
	{Name: "program-disallowed", Story: "Microsoft disallowed the root a day ago, with all that it has issued.",
		Want: report.Reject, Ask: trusting(policy.ProgramMicrosoft), Findings: ids(finding.RootDistrusted)},
	{Name: "program-disallowed-soon", Story: "Microsoft disallows the root in 30 days, which is before the certificate ends.",
		Want: report.Accept, Ask: trusting(policy.ProgramMicrosoft), Findings: ids(finding.RootDistrustSoon)},
	{Name: "program-disallowed-later", Story: "Microsoft disallows the root in 200 days, when the certificate has expired.",
		Want: report.Accept, Ask: trusting(policy.ProgramMicrosoft), Absent: ids(finding.RootDistrustSoon)},
	{Name: "program-usage", Story: "Microsoft has the root for e-mail and not for TLS servers.",
		Want: report.Reject, Ask: trusting(policy.ProgramMicrosoft), Findings: ids(finding.RootDistrusted)},
	{Name: "program-sct-old", Story: "Chrome wants an SCT from before yesterday below this root, and one of the two SCTs is as old.",
		Want: report.Accept, Ask: trusting(policy.ProgramChrome)},
	{Name: "program-sct-late", Story: "Chrome wants an SCT from before yesterday below this root, and both SCTs are of today.",
		Want: report.Reject, Ask: trusting(policy.ProgramChrome), Findings: ids(finding.RootDistrusted)},
	{Name: "program-sct-forged", Story: "Chrome wants an SCT from before yesterday below this root. The only one as old names a known log and is signed by another key.",
		Want: report.Reject, Ask: trusting(policy.ProgramChrome), Findings: ids(finding.RootDistrusted, finding.CTSCTInvalid)},
	{Name: "program-sct-unverified", Story: "Chrome wants an SCT from before yesterday below this root, and there is no log list to verify one with.",
		Want: report.Inconclusive, Ask: trusting(policy.ProgramChrome), Findings: ids(finding.RootProgramUnclear), NoLogList: true, Local: true},
	{Name: "program-version", Story: "Chrome's versions from 139 on refuse the root.",
		Want: report.Reject, Ask: trusting(policy.ProgramChrome), Findings: ids(finding.RootDistrusted)},
	{Name: "program-names", Story: "Chrome accepts the root for names below example.test alone.",
		Want: report.Reject, Ask: trusting(policy.ProgramChrome), Findings: ids(finding.RootDistrusted)},
	{Name: "program-intermediate", Story: "Chrome has the issuing CA as an anchor of its own, and not its root.",
		Want: report.Accept, Ask: trusting(policy.ProgramChrome)},
	{Name: "program-not-included", Story: "Apple's root program does not have the root.",
		Want: report.Reject, Ask: trusting(policy.ProgramApple), Findings: ids(finding.RootNotInProgram)},
	{Name: "program-distrusted", Story: "Mozilla distrusts the issuing CA, whose root it trusts.",
		Want: report.Reject, Ask: trusting(policy.ProgramMozilla), Findings: ids(finding.RootDistrusted)},
	{Name: "program-root-sent", Story: "Android has a root of which nobody but the server has the certificate. The server sends it, and its SHA-256 is that in the table.",
		Want: report.Accept, Ask: trusting(policy.ProgramAndroid), Findings: ids(finding.SentRoot)},
	{Name: "program-root-absent", Story: "Android has a root of which nobody has the certificate: not this computer, and the server does not send it.",
		Want: report.Inconclusive, Ask: trusting(policy.ProgramAndroid), Findings: ids(finding.RootProgramUnclear)},
	{Name: "program-root-fake", Story: "The server sends a root with the name of one that Android has. Its SHA-256 is another one.",
		Want: report.Inconclusive, Ask: trusting(policy.ProgramAndroid), Findings: ids(finding.RootProgramUnclear, finding.RootUntrusted)},
	{Name: "program-other-path", Story: "Mozilla distrusts the root. The issuing CA is certified by a second root too, which it trusts.",
		Want: report.Accept, Ask: trusting(policy.ProgramMozilla), Absent: ids(finding.RootDistrusted, finding.AlternatePathUnknown)},
	{Name: "program-undated", Story: "Microsoft restricts the root, and the tables do not say from when.",
		Want: report.Inconclusive, Ask: trusting(policy.ProgramMicrosoft), Findings: ids(finding.RootProgramUnclear)},
	{Name: "program-table-old", Story: "What is known of Apple's root program is 100 days old.",
		Want: report.Accept, Ask: trusting(policy.ProgramApple), Findings: ids(finding.RootProgramOld)},
	{Name: "program-table-too-old", Story: "What is known of Apple's root program is more than 400 days old.",
		Want: report.Inconclusive, Ask: trusting(policy.ProgramApple), Findings: ids(finding.RootProgramOld, finding.RootProgramUnclear)},
	{Name: "program-table-missing", Story: "Nothing is known of Apple's root program, and its roots are to decide.",
		Want: report.Inconclusive, Ask: trusting(policy.ProgramApple), Findings: ids(finding.RootProgramUnclear)},
}
