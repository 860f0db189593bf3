package cli

import (
	"encoding/hex"

	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/render"
	"github.com/assaytls/assay/report"
)

// sctObject decodes a SignedCertificateTimestampList.
func sctObject(b []byte, from string) object {
	o := object{Kind: "SCT list", From: from}
	if _, err := ct.ParseSCTList(b); err != nil {
		o.Findings = append(o.Findings, finding.New(finding.CTSCTListBad, "detail", err.Error()))
		return o
	}
	o.decoded = true
	o.scts = []shownSCTs{{raw: b, source: report.SCTTLS}}
	return o
}

// add appends a row, unless there is nothing to say.
func (o *object) add(label, value string) {
	if value != "" {
		o.Rows = append(o.Rows, render.Row{Label: label, Value: value})
	}
}

func (o *object) addHex(label string, b []byte) {
	if len(b) > 0 {
		o.add(label, hex.EncodeToString(b))
	}
}
