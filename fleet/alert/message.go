package alert

import (
	"fmt"
	"strings"
	"time"

	"github.com/assaytls/assay/finding"
)

// Status says whether an alert goes on.
type Status string

// The statuses, which are Alertmanager's words.
const (
	Firing   Status = "firing"
	Resolved Status = "resolved"
)

// MessageVersion is the version of a message's JSON form. Additions keep it.
const MessageVersion = 1

// Message is what a receiver is told. Its texts are quoted and bounded.
type Message struct {
	Version   int       `json:"version"`
	Alert     int64     `json:"alert"` // number of the alert: all its messages have it
	Status    Status    `json:"status"`
	Severity  Severity  `json:"severity"`
	Rule      string    `json:"rule"`
	Condition string    `json:"condition,omitempty"`
	Title     string    `json:"title"`             // what is wrong
	Finding   string    `json:"finding,omitempty"` // its kind
	Cause     string    `json:"cause,omitempty"`   // what all its targets share
	Targets   int       `json:"targets"`           // how many
	Names     []string  `json:"names"`             // the first 20 of them
	Began     time.Time `json:"began"`
	Ended     time.Time `json:"ended,omitzero"`
	Explain   string    `json:"explain,omitempty"` // what the finding means, the risk, what to do
	Risk      string    `json:"risk,omitempty"`
	Fix       string    `json:"fix,omitempty"`
}

// messageOf is what is told of an alert.
func messageOf(a *Alert, s Status) Message {
	m := Message{Version: MessageVersion, Alert: a.ID, Status: s, Severity: a.Severity, Rule: a.Rule, Condition: a.condition, Title: a.Title, Finding: a.Finding, Cause: a.Cause,
		Targets: a.Targets, Names: a.Names, Began: a.Began, Ended: a.Ended}
	if k, ok := finding.Lookup(finding.ID(a.Finding)); ok {
		m.Explain, m.Risk, m.Fix = k.Explain, k.Risk, k.Fix
	}
	return m
}

// Subject is the message in one line, the cause first.
func (m Message) Subject() string {
	who := "nobody"
	switch {
	case m.Targets == 1 && len(m.Names) == 1:
		who = m.Names[0]
	case m.Targets > 0:
		who = fmt.Sprintf("%d targets", m.Targets)
	}
	state := strings.ToUpper(string(m.Severity))
	if m.Status == Resolved {
		state = "RESOLVED"
	}
	return state + " " + who + ": " + m.Title
}

// Text is the message for people: cause, who, since when, what it means and what to do.
func (m Message) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", m.Subject())
	fmt.Fprintf(&b, "rule      %s (%s)\nsince     %s\n", m.Rule, m.Condition, m.Began.UTC().Format("2006-01-02 15:04:05 UTC"))
	if !m.Ended.IsZero() {
		fmt.Fprintf(&b, "over      %s\n", m.Ended.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	if m.Cause != "" {
		fmt.Fprintf(&b, "cause     %s\n", m.Cause)
	}
	for i, n := range m.Names {
		if i == 0 {
			fmt.Fprintf(&b, "targets   %s\n", n)
			continue
		}
		fmt.Fprintf(&b, "          %s\n", n)
	}
	if more := m.Targets - len(m.Names); more > 0 {
		fmt.Fprintf(&b, "          and %d more\n", more)
	}
	for _, part := range [][2]string{{"What it means", m.Explain}, {"The risk", m.Risk}, {"What to do", m.Fix}} {
		if part[1] != "" && m.Status == Firing {
			fmt.Fprintf(&b, "\n%s: %s\n", part[0], part[1])
		}
	}
	return b.String()
}
