// Package alert tells people what the watch has seen: rules say what is wrong and for how
// long, what has one cause is one alert, and messages go to webhooks, to
// Alertmanager and by mail, at least once, until they arrive or are given up.
package alert

import (
	"fmt"
	"net/mail"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/assaytls/assay/fleet/watch"
)

// Severity is how much an alert matters.
type Severity string

// The severities, the mildest first.
const (
	Notice   Severity = "notice"
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

var severities = []string{string(Notice), string(Warning), string(Critical)}

// Receiver is one place that messages go to. One of the pointers is set.
type Receiver struct {
	Name         string
	Webhook      *Webhook
	Alertmanager *Alertmanager
	Mail         *Mail
}

// Rule says when there is an alert, how much it matters, and whom it goes to.
type Rule struct {
	Name     string
	When     Condition
	Severity Severity
	To       []string // names of receivers; empty is all
	Groups   []string // of targets; empty is all
}

// Config is the section `alerts` of a configuration. The zero Config tells nobody.
type Config struct {
	Receivers []Receiver
	Rules     []Rule
	Repeat    time.Duration // until an alert that goes on is told again
}

// The bounds of the section.
const (
	maxReceivers  = 50
	maxRules      = 200
	maxSecret     = 4 << 10
	defaultRepeat = 24 * time.Hour
	minRepeat     = 5 * time.Minute
)

// defaultRules are those of a configuration that names receivers and no rules.
func defaultRules() []Rule {
	refused, _ := ParseCondition("verdict is not accept for 10m") // they are tested
	ending, _ := ParseCondition("expires within 20%")
	return []Rule{{Name: "refused", When: refused, Severity: Critical}, {Name: "expires", When: ending, Severity: Warning}}
}

// Read reads the section; nil is one that is not there. What is wrong with it becomes
// a problem of the configuration.
func Read(n *watch.Node) Config {
	c := Config{Repeat: defaultRepeat}
	if n == nil {
		return c
	}
	type unresolved struct {
		at   *watch.Node
		name string
	}
	var named []unresolved
	rules := false
	n.Map(map[string]func(*watch.Node){
		"repeat": func(n *watch.Node) { c.Repeat = n.Duration(minRepeat, 30*24*time.Hour) },
		"receivers": func(n *watch.Node) {
			n.List(func(n *watch.Node) {
				r := readReceiver(n)
				switch {
				case len(c.Receivers) == maxReceivers:
					n.Fail("there are more than %d receivers", maxReceivers)
				case r.Name != "" && slices.ContainsFunc(c.Receivers, func(o Receiver) bool { return o.Name == r.Name }):
					n.Fail("the receiver %q stands twice", r.Name)
				default:
					c.Receivers = append(c.Receivers, r)
				}
			})
		},
		"rules": func(n *watch.Node) {
			rules = true
			n.List(func(n *watch.Node) {
				r := readRule(n, func(at *watch.Node, name string) { named = append(named, unresolved{at, name}) })
				switch {
				case len(c.Rules) == maxRules:
					n.Fail("there are more than %d rules", maxRules)
				case r.Name != "" && slices.ContainsFunc(c.Rules, func(o Rule) bool { return o.Name == r.Name }):
					n.Fail("the rule %q stands twice", r.Name)
				default:
					c.Rules = append(c.Rules, r)
				}
			})
		},
	})
	for _, u := range named {
		if !slices.ContainsFunc(c.Receivers, func(r Receiver) bool { return r.Name == u.name }) {
			u.at.Fail("there is no receiver %q", u.name)
		}
	}
	if !rules && len(c.Receivers) > 0 {
		c.Rules = defaultRules()
	}
	return c
}

func readReceiver(n *watch.Node) (r Receiver) {
	ways := 0
	n.Map(map[string]func(*watch.Node){
		"name":         func(n *watch.Node) { r.Name = readName(n) },
		"webhook":      func(n *watch.Node) { ways++; r.Webhook = readWebhook(n) },
		"alertmanager": func(n *watch.Node) { ways++; r.Alertmanager = readAlertmanager(n) },
		"mail":         func(n *watch.Node) { ways++; r.Mail = readMail(n) },
	})
	if r.Name == "" {
		n.Fail("the receiver has no name")
	}
	if ways != 1 {
		n.Fail("a receiver has one of webhook, alertmanager and mail")
	}
	return r
}

// readName reads what stands in keys and labels.
func readName(n *watch.Node) string {
	s := n.Text()
	if s == "" || len(s) > 80 || strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f || c > 0x7e }) {
		n.Fail("a name has 1 to 80 characters of ASCII")
		return ""
	}
	return s
}

func readRule(n *watch.Node, name func(*watch.Node, string)) (r Rule) {
	r.Severity = Warning
	when := false
	n.Map(map[string]func(*watch.Node){
		"name": func(n *watch.Node) { r.Name = readName(n) },
		"when": func(n *watch.Node) {
			when = true
			var err error
			if r.When, err = ParseCondition(n.Text()); err != nil {
				n.Fail("%v", err)
			}
		},
		"severity": func(n *watch.Node) { r.Severity = Severity(n.Word(severities...)) },
		"to": func(n *watch.Node) {
			r.To = n.Texts()
			for _, to := range r.To {
				name(n, to)
			}
		},
		"groups": func(n *watch.Node) { r.Groups = n.Texts() },
	})
	if r.Name == "" {
		n.Fail("the rule has no name")
	}
	if !when {
		n.Fail("the rule does not say when")
	}
	return r
}

func readWebhook(n *watch.Node) *Webhook {
	w := &Webhook{}
	n.Map(map[string]func(*watch.Node){
		"url":         func(n *watch.Node) { w.URL = readURL(n) },
		"secret-file": func(n *watch.Node) { w.secret = readSecret(n) },
	})
	if w.URL == "" {
		n.Fail("the webhook has no url")
	}
	return w
}

func readAlertmanager(n *watch.Node) *Alertmanager {
	a := &Alertmanager{}
	n.Map(map[string]func(*watch.Node){
		"url":        func(n *watch.Node) { a.URL = strings.TrimSuffix(readURL(n), "/") },
		"token-file": func(n *watch.Node) { a.token = strings.TrimSpace(string(readSecret(n))) },
		"labels":     func(n *watch.Node) { a.Labels = n.TextMap() },
	})
	if a.URL == "" {
		n.Fail("alertmanager has no url")
	}
	return a
}

func readMail(n *watch.Node) *Mail {
	m := &Mail{TLS: StartTLS}
	n.Map(map[string]func(*watch.Node){
		"smtp": func(n *watch.Node) {
			if m.Server = n.Text(); !strings.Contains(m.Server, ":") {
				n.Fail("the mail server is HOST:PORT, like mail.example:587")
			}
		},
		"tls":           func(n *watch.Node) { m.TLS = MailTLS(n.Word(string(StartTLS), string(DirectTLS), string(NoTLS))) },
		"from":          func(n *watch.Node) { m.From = readAddress(n, n.Text()) },
		"user":          func(n *watch.Node) { m.User = n.Text() },
		"password-file": func(n *watch.Node) { m.password = strings.TrimRight(string(readSecret(n)), "\r\n") },
		"to": func(n *watch.Node) {
			for _, to := range n.Texts() {
				m.To = append(m.To, readAddress(n, to))
			}
		},
	})
	switch {
	case m.Server == "", m.From == "", len(m.To) == 0:
		n.Fail("mail needs smtp, from and to")
	case m.User != "" && m.TLS == NoTLS:
		n.Fail("a password is not sent without TLS: leave out user, or set tls")
	}
	return m
}

func readAddress(n *watch.Node, s string) string {
	a, err := mail.ParseAddress(s)
	if err != nil || strings.ContainsAny(s, "\r\n") {
		n.Fail("%q is no address of mail", s)
		return ""
	}
	return a.Address
}

func readURL(n *watch.Node) string {
	u, err := url.Parse(n.Text())
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		n.Fail("it must be an http or https address without a password in it")
		return ""
	}
	return u.String()
}

// readSecret reads the file that the value names. What is in it is never shown.
func readSecret(n *watch.Node) []byte {
	name := n.Path()
	if name == "" {
		return nil
	}
	st, err := os.Stat(name)
	switch {
	case err != nil:
		n.Fail("%v", err)
		return nil
	case !st.Mode().IsRegular() || st.Size() == 0 || st.Size() > maxSecret:
		n.Fail("%s must be a file of 1 to %d octets", name, maxSecret)
		return nil
	}
	b, err := os.ReadFile(name)
	if err != nil {
		n.Fail("%v", err)
	}
	return b
}

// receiver returns the receiver of a name; nil when there is none.
func (c *Config) receiver(name string) *Receiver {
	for i := range c.Receivers {
		if c.Receivers[i].Name == name {
			return &c.Receivers[i]
		}
	}
	return nil
}

// to are the receivers of a rule.
func (c *Config) to(rule string) (all []*Receiver) {
	i := slices.IndexFunc(c.Rules, func(r Rule) bool { return r.Name == rule })
	for k := range c.Receivers {
		if i < 0 || len(c.Rules[i].To) == 0 || slices.Contains(c.Rules[i].To, c.Receivers[k].Name) {
			all = append(all, &c.Receivers[k])
		}
	}
	return all
}

// String is the condition as it is written.
func (c Condition) String() string { return c.text }

// errCondition says what conditions there are.
var errCondition = fmt.Errorf(`it is none of: expires within 30%% (or 14d), ends within 2d, verdict is not accept for 10m, verdict is reject, finding any of ID, ID for 1h, unreachable for 10m`)
