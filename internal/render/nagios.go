package render

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// The states of monitoring plugins, which are their exit statuses too
// (Monitoring Plugins Development Guidelines, "Plugin Return Codes").
const (
	NagiosOK       = 0
	NagiosWarning  = 1
	NagiosCritical = 2
	NagiosUnknown  = 3
)

var nagiosWords = [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}

// nagiosWeight has the states, the one that stands for all of several last.
var nagiosWeight = []int{NagiosOK, NagiosUnknown, NagiosWarning, NagiosCritical}

// nagiosState is the state that r comes to: a warning only when a certificate
// expires soon, since a plugin that always warns is switched off.
func nagiosState(r *report.Report) int {
	switch r.Verdict.String() {
	case string(report.Reject):
		return NagiosCritical
	case string(report.Accept):
		for _, f := range r.Counted() {
			if f.ID == finding.CertExpiresSoon {
				return NagiosWarning
			}
		}
		return NagiosOK
	}
	return NagiosUnknown
}

// Nagios writes reports as a monitoring plugin does: a line with the state, the
// cause and performance data, and for several targets a line of each after it, the
// worst first. It returns the state of all together. It fails only when w does.
func Nagios(w io.Writer, rs []*report.Report) (state int, err error) {
	rs = slices.Clone(rs)
	slices.SortStableFunc(rs, func(a, b *report.Report) int {
		return slices.Index(nagiosWeight, nagiosState(b)) - slices.Index(nagiosWeight, nagiosState(a))
	})
	if len(rs) == 0 {
		return NagiosUnknown, NagiosFailed(w, "nothing was checked")
	}
	state = nagiosState(rs[0])
	var b strings.Builder
	first, perf := nagiosText(rs[0]), nagiosData(rs[0], "")
	if len(rs) > 1 {
		alike := 0
		for _, r := range rs {
			if nagiosState(r) == state {
				alike++
			}
		}
		first = fmt.Sprintf("%d of %d targets: %s", alike, len(rs), first)
		perf = ""
		for _, r := range rs {
			perf += nagiosData(r, nagiosLabel(r.View().Target)+" ")
		}
	}
	fmt.Fprintf(&b, "ASSAY %s: %s |%s\n", nagiosWords[state], first, perf)
	if len(rs) > 1 {
		for _, r := range rs {
			fmt.Fprintf(&b, "%s: %s\n", nagiosWords[nagiosState(r)], nagiosText(r))
		}
	}
	_, err = io.WriteString(w, b.String())
	return state, err
}

// NagiosFailed writes the line of a run that could not judge, for the reason why.
func NagiosFailed(w io.Writer, why string) error {
	_, err := fmt.Fprintf(w, "ASSAY UNKNOWN: %s\n", nagiosPlain(finding.Quote(why)))
	return err
}

// nagiosText is the target, the verdict or its cause, and how long the certificate
// holds.
func nagiosText(r *report.Report) string {
	v := r.View()
	said := "accepted"
	switch {
	case v.Headline != nil:
		said = v.Headline.Line() + " [" + v.Headline.ID + "]"
	case v.Verdict != report.Accept:
		said = v.Summary
	}
	text := v.Target + ": " + said
	if v.Left != "" {
		text += ", " + v.Left
	}
	return nagiosPlain(text)
}

// nagiosPlain takes from a text what has a meaning of its own in a plugin's line.
func nagiosPlain(s string) string { return strings.ReplaceAll(s, "|", "/") }

// nagiosLabel is a text that may stand between quotes as a label.
func nagiosLabel(s string) string { return strings.NewReplacer("'", "", "=", "", "|", "/").Replace(s) }

// nagiosData is what can be drawn over time; prefix tells targets apart.
func nagiosData(r *report.Report, prefix string) (data string) {
	if c := leafOf(r); c != nil && c.DaysLeft != nil {
		data += fmt.Sprintf(" '%sdays_left'=%d", prefix, *c.DaysLeft)
		if c.LifeLeft != nil {
			data += fmt.Sprintf(" '%slife_left'=%d%%", prefix, *c.LifeLeft)
		}
	}
	if r.Timing != nil {
		data += fmt.Sprintf(" '%stime'=%.3fs", prefix, r.Timing.Total/1000)
	}
	return data
}

// leafOf returns the facts of the certificate that was judged, nil when there are
// none.
func leafOf(r *report.Report) *report.Cert {
	at := -1
	switch {
	case r.Chosen >= 0 && r.Chosen < len(r.Paths) && len(r.Paths[r.Chosen].Certs) > 0:
		at = r.Paths[r.Chosen].Certs[0].Cert
	case len(r.Sent) > 0:
		at = r.Sent[0]
	}
	if at < 0 || at >= len(r.Certs) {
		return nil
	}
	return &r.Certs[at]
}
