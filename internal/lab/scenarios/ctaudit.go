package scenarios

import (
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// About logs that are asked whether they published the
// certificate, and about the list of logs itself.
var ctAudit = []Scenario{
	{Name: "sct-included", Story: "Both logs prove that the certificate is in their tree.",
		Want: report.Accept, Ask: audit, Absent: auditedBut()},
	{Name: "sct-included-tiled", Story: "A static-ct log proves by its tiles that the certificate is in its tree.",
		Want: report.Accept, Ask: audit, Absent: auditedBut()},
	{Name: "sct-included-by-tls", Story: "The SCT comes in the handshake, and its log proves that the certificate is in its tree.",
		Want: report.Accept, Ask: audit, Absent: auditedBut()},
	{Name: "sct-not-included", Story: "The log promised the day before yesterday to publish the certificate and says, unsigned, that it does not have it.",
		Want: report.Inconclusive, Findings: ids(finding.CTAbsenceUnproven), Ask: audit, Absent: auditedBut(finding.CTAbsenceUnproven)},
	{Name: "sct-not-included-tiled", Story: "The place in the static-ct log's tree that the SCT names holds another certificate.",
		Want: report.Reject, Findings: ids(finding.CTNotIncluded), Ask: audit, Absent: auditedBut(finding.CTNotIncluded)},
	{Name: "sct-merge-pending", Story: "The log promised an hour ago, has not published the certificate yet, and may still do so until the end of the day.",
		Want: report.Accept, Findings: ids(finding.CTAuditPending), Ask: audit, Absent: auditedBut(finding.CTAuditPending)},
	{Name: "sct-log-behind", Story: "The log has the certificate; its newest tree head is three days old.",
		Want: report.Accept, Findings: ids(finding.CTLogBehind), Ask: audit, Absent: auditedBut(finding.CTLogBehind)},
	{Name: "sct-log-away", Story: "The log does not answer: whether it has the certificate is not known.",
		Want: report.Inconclusive, Findings: ids(finding.CTAuditUnavailable), Ask: audit, Absent: auditedBut(finding.CTAuditUnavailable)},
	{Name: "sct-log-forged", Story: "The log's tree head is not signed with the log's key.",
		Want: report.Inconclusive, Findings: ids(finding.CTAuditBadAnswer), Ask: audit, Absent: auditedBut(finding.CTAuditBadAnswer)},
	{Name: "sct-log-ahead", Story: "The log's tree head is signed for tomorrow.",
		Want: report.Inconclusive, Findings: ids(finding.CTAuditBadAnswer), Ask: audit, Absent: auditedBut(finding.CTAuditBadAnswer)},
	{Name: "sct-log-verbose", Story: "The log sends 100 KiB where a tree head has a few hundred bytes.",
		Want: report.Inconclusive, Findings: ids(finding.CTAuditUnavailable), Ask: audit, Absent: auditedBut(finding.CTAuditUnavailable)},
	{Name: "sct-tiled-no-index", Story: "The SCT of a static-ct log does not tell which place the log promises.",
		Want: report.Inconclusive, Findings: ids(finding.CTAuditUnavailable), Ask: audit, Absent: auditedBut(finding.CTAuditUnavailable)},
	{Name: "sct-audit-limit", Story: "Twenty valid SCTs of one log: assay asks about sixteen.",
		Want: report.Inconclusive, Findings: ids(finding.CTAuditLimit), Ask: audit, Absent: auditedBut(finding.CTAuditLimit)},
	{Name: "sct-log-lies", Story: "The log says that it has the certificate; its proof leads to another tree.",
		Want: report.Inconclusive, Findings: ids(finding.CTAuditBadAnswer), Ask: audit, Absent: auditedBut(finding.CTAuditBadAnswer)},

	{Name: "sct-list-old", Story: "The log list is eighty days old: strict is met by what it says, but nobody knows whether those logs are still trusted.",
		Want: report.Inconclusive, Findings: ids(finding.CTListStale), Ask: strictCT},
	{Name: "sct-list-old-chrome", Story: "The log list is eighty days old: Chrome's policy, which one SCT does not meet, is not enforced any more.",
		Want: report.Accept, Findings: ids(finding.CTListStale), Ask: chromeCT, Public: true, Absent: ids(finding.CTPolicyUnmet, finding.CTNoValidSCT)},
	{Name: "sct-list-old-apple", Story: "The log list is eighty days old: Apple's policy, which one SCT does not meet, is not enforced any more.",
		Want: report.Accept, Findings: ids(finding.CTListStale), Ask: appleCT, Public: true, Absent: ids(finding.CTPolicyUnmet, finding.CTNoValidSCT)},
	{Name: "sct-list-test-key", Story: "The log list has a log whose private key is published: it is left out, and the others count.",
		Want: report.Accept, Findings: ids(finding.CTLogRefused), Ask: strictCT},

	{Name: "sct-chain", Story: "Leaf and intermediate have valid SCTs, and the policy asks for both.",
		Want: report.Accept, Ask: chainCT},
	{Name: "sct-chain-missing", Story: "The policy asks for SCTs of every certificate, and the intermediate has none.",
		Want: report.Reject, Findings: ids(finding.CTNoValidSCT), Ask: chainCT},
	{Name: "sct-chain-invalid", Story: "The policy asks for SCTs of every certificate, and the intermediate's is not genuine.",
		Want: report.Reject, Findings: ids(finding.CTSCTInvalid, finding.CTNoValidSCT), Ask: chainCT},
}
