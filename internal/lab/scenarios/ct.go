package scenarios

import (
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// About signed certificate timestamps. They are judged with
// the policy require, and with the lab's log list.
var ct = []Scenario{
	{Name: "sct-embedded", Story: "Two SCTs of two operators are embedded and both are valid.",
		Want: report.Accept, Ask: strictCT},
	{Name: "sct-by-tls", Story: "The SCTs come in the TLS extension only.",
		Want: report.Accept, Ask: strictCT},
	{Name: "sct-by-staple", Story: "The SCTs come in the stapled OCSP response only.",
		Want: report.Accept, Ask: strictCT},
	{Name: "sct-by-staple-unasked", Story: "The SCTs come in the stapled OCSP response only, and revocation is not checked.",
		Want: report.Accept, Ask: Ask{Policy: policy.Policy{CT: policy.CTRequire, Schemes: policy.Off},
			Flags: []string{"--ct", policy.CTRequire.String(), "--revocation", policy.Off.String()}}},
	{Name: "sct-fetched", Story: "The server sends no SCT; only the OCSP response that assay fetches itself has some.",
		Want: report.Reject, Findings: ids(finding.CTSCTNotDelivered, finding.CTSCTMissing, finding.CTNoValidSCT), Ask: strictCT},
	{Name: "sct-fetched-apple", Story: "By Apple's rules: SCTs in an OCSP response that assay fetches itself do not count.",
		Want: report.Reject, Findings: ids(finding.CTSCTNotDelivered, finding.CTPolicyUnmet), Ask: appleCT, Public: true},
	{Name: "sct-none", Story: "No SCT at all, and the policy is strict.",
		Want: report.Reject, Findings: ids(finding.CTNoValidSCT), Ask: strictCT},
	{Name: "sct-none-reported", Story: "No SCT at all; the default policy reports that and enforces nothing.",
		Want: report.Accept, Findings: ids(finding.CTSCTMissing)},
	{Name: "sct-unknown-log", Story: "The only SCT is of a log that is not on the list.",
		Want: report.Reject, Findings: ids(finding.CTSCTUnknownLog, finding.CTNoValidSCT), Ask: strictCT},
	{Name: "sct-bad-signature", Story: "The only SCT claims a known log; its signature is wrong.",
		Want: report.Reject, Findings: ids(finding.CTSCTInvalid, finding.CTNoValidSCT), Ask: strictCT},
	{Name: "sct-wrong-key", Story: "The SCT names a known log and is signed with another log's key.",
		Want: report.Reject, Findings: ids(finding.CTSCTInvalid, finding.CTNoValidSCT), Ask: strictCT},
	{Name: "sct-of-another", Story: "The SCT is genuine and was made for another certificate.",
		Want: report.Reject, Findings: ids(finding.CTSCTInvalid, finding.CTNoValidSCT), Ask: strictCT},
	{Name: "sct-from-future", Story: "The SCT's timestamp is tomorrow.",
		Want: report.Reject, Findings: ids(finding.CTSCTFromFuture, finding.CTNoValidSCT), Ask: strictCT},
	{Name: "sct-no-log-list", Story: "The policy is strict and there is no log list to check against.",
		Want: report.Inconclusive, Findings: ids(finding.CTNoLogList), Ask: strictCT, NoLogList: true, Local: true},
	{Name: "sct-browser", Story: "By Chrome's rules: two SCTs of two operators are enough for a certificate of 62 days.",
		Want: report.Accept, Ask: chromeCT, Public: true},
	{Name: "sct-browser-one", Story: "By Chrome's rules: one SCT is not enough.",
		Want: report.Reject, Findings: ids(finding.CTPolicyUnmet), Ask: chromeCT, Public: true},
	{Name: "sct-browser-one-operator", Story: "By Chrome's rules: two SCTs of logs that one operator runs are not enough.",
		Want: report.Reject, Findings: ids(finding.CTPolicyUnmet), Ask: chromeCT, Public: true},
	{Name: "sct-before-retirement", Story: "By Chrome's rules: the SCT of a log that was retired since counts beside that of a usable log, because it is older than the retirement.",
		Want: report.Accept, Ask: chromeCT, Public: true},
	{Name: "sct-retirement-ahead", Story: "By Chrome's rules: a log that will be retired in ten days counts until then.",
		Want: report.Accept, Ask: chromeCT, Public: true, Absent: ids(finding.CTSCTLogState)},
	{Name: "sct-usable-ahead", Story: "The only SCT is from a log that is pending and becomes usable in ten days.",
		Want: report.Reject, Findings: ids(finding.CTSCTLogState, finding.CTNoValidSCT), Ask: strictCT},
	{Name: "sct-state-unknown", Story: "The only SCT is from a log whose newest state is a word that assay does not know.",
		Want: report.Reject, Findings: ids(finding.CTSCTLogState, finding.CTNoValidSCT), Ask: strictCT},
	{Name: "sct-wrong-interval", Story: "The log takes only certificates that end in another year than this one.",
		Want: report.Accept, Findings: ids(finding.CTSCTInterval)},
	{Name: "sct-twice", Story: "The same SCT is embedded twice.",
		Want: report.Accept, Findings: ids(finding.CTSCTDuplicate)},
	{Name: "sct-after-retirement", Story: "The log was retired yesterday and the SCT is of today.",
		Want: report.Accept, Findings: ids(finding.CTSCTLogState)},
}
