package alert

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// Condition is when there is an alert. The zero Condition is never met.
type Condition struct {
	text string
	kind conditionKind

	percent  int           // of expires within 30%
	within   time.Duration // of expires within 14d, and of ends
	verdicts []report.Verdict
	findings []finding.ID
	lasting  time.Duration // for how long it must have been so
}

type conditionKind int

const (
	never       conditionKind = iota
	expires                   // a certificate of the chosen path
	ends                      // a certificate, list, response or staple
	verdictIs                 // the verdict is one of these
	findingIs                 // there is one of these findings
	unreachable               // no check reached it
)

// ParseCondition reads a condition: "expires within 30%", "expires within 14d", "ends within
// 2d", "verdict is not accept for 10m", "verdict is reject", "finding any of ID, ID for 1h",
// "unreachable for 10m". "for" is optional.
func ParseCondition(s string) (c Condition, err error) {
	c.text = strings.Join(strings.Fields(s), " ")
	rest := c.text
	if i := strings.LastIndex(rest, " for "); i >= 0 {
		if c.lasting, err = duration(rest[i+len(" for "):]); err != nil {
			return Condition{}, err
		}
		rest = rest[:i]
	}
	words := strings.Fields(rest)
	is := func(start ...string) bool { return len(words) > len(start) && slices.Equal(words[:len(start)], start) }
	switch {
	case is("expires", "within"), is("ends", "within"):
		c.kind = expires
		if words[0] == "ends" {
			c.kind = ends
		}
		if c.lasting != 0 || len(words) != 3 && !(len(words) == 4 && words[3] == "%") {
			return Condition{}, errCondition
		}
		span := strings.Join(words[2:], "")
		if p, ok := strings.CutSuffix(span, "%"); ok && c.kind == expires {
			if c.percent, err = strconv.Atoi(p); err != nil || c.percent < 1 || c.percent > 99 {
				return Condition{}, fmt.Errorf("%s is no share from 1%% to 99%%", span)
			}
			return c, nil
		}
		c.within, err = duration(span)
		if err != nil {
			return Condition{}, err
		}
	case is("verdict", "is"):
		c.kind = verdictIs
		words = words[2:]
		not := words[0] == "not"
		if not {
			words = words[1:]
		}
		if len(words) != 1 {
			return Condition{}, errCondition
		}
		all := []report.Verdict{report.Accept, report.Reject, report.Inconclusive}
		if !slices.Contains(all, report.Verdict(words[0])) {
			return Condition{}, fmt.Errorf("a verdict is accept, reject or inconclusive, not %q", words[0])
		}
		c.verdicts = []report.Verdict{report.Verdict(words[0])}
		if not {
			c.verdicts = slices.DeleteFunc(all, func(v report.Verdict) bool { return v == report.Verdict(words[0]) })
		}
	case is("finding", "any", "of"), is("finding"):
		c.kind = findingIs
		names := strings.TrimPrefix(strings.TrimPrefix(rest, "finding "), "any of ")
		for name := range strings.SplitSeq(names, ",") {
			id := finding.ID(strings.TrimSpace(name))
			if _, ok := finding.Lookup(id); !ok {
				return Condition{}, fmt.Errorf("there is no finding %q: assay explain lists them", id)
			}
			c.findings = append(c.findings, id)
		}
	case rest == "unreachable":
		c.kind = unreachable
	default:
		return Condition{}, errCondition
	}
	return c, nil
}

// duration reads 90s, 10m, 10min, 1h or 14d.
func duration(s string) (time.Duration, error) {
	s = strings.ReplaceAll(s, " ", "")
	if m, ok := strings.CutSuffix(s, "min"); ok {
		s = m + "m"
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 12)
		if err == nil && n > 0 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	} else if d, err := policy.ParseDuration(s); err == nil && d > 0 {
		return d, nil
	}
	return 0, fmt.Errorf("%q is no length of time like 10m, 1h or 14d", s)
}
