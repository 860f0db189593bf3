// Package clients is the exam that other TLS clients sit: each is led to the servers of the lab, and
// the servers say whom it trusted. A client is data: how it is found on this machine, how it is run, and
// how it is told to trust the lab's root.
package clients

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/assaytls/assay/finding"
)

// Definition says how a client is examined. Its texts may have the placeholders {url}, {host}, {port},
// {token}, {root}, {rootdir}, {p12}, {nssdb}, {home}, {tmp}, {programs}, {verify} and {self}.
type Definition struct {
	Name string `json:"name"`
	// Library is what does its TLS, where the name does not say it.
	Library string `json:"library,omitempty"`
	// Detect are programs that must be on PATH; Probe, when not empty, is a command that ends
	// with 0 when the client can be used.
	Detect []string `json:"detect"`
	Probe  []string `json:"probe,omitempty"`
	// Version prints the version; its first line that has one, like 1.2 or 17 at the end, counts.
	Version []string `json:"version"`
	// Prepare, when not empty, is run once before the first question: it makes what Run needs.
	Prepare []string `json:"prepare,omitempty"`
	// Run asks one question. It is not given to a shell.
	Run   []string          `json:"run,omitempty"`
	Env   map[string]string `json:"env,omitempty"`
	Stdin Stdin             `json:"stdin,omitempty"`
	// Revocation makes a second row: the same client with revocation switched on as well as it can.
	Revocation *Variant `json:"revocation,omitempty"`
	// Serve is set for servers that are clients towards another server.
	Serve *Service `json:"serve,omitempty"`
	// Driver names the code that drives a browser: "chromium" or "firefox".
	Driver string `json:"driver,omitempty"`
	// Settings are preferences of Firefox or policies of Chromium.
	Settings map[string]any `json:"settings,omitempty"`
	// SystemTrust clients trust the system's roots alone: they can be examined only where those are the
	// lab's (isolation by a namespace).
	SystemTrust bool `json:"system_trust,omitempty"`
	// Proxy clients heed https_proxy: by it they reach the lab's names without a namespace.
	Proxy bool `json:"proxy,omitempty"`
	// tryProxy asks the client itself whether it does.
	tryProxy bool
	// NoVerification rows show a client's defaults that verify nothing, on purpose.
	NoVerification bool `json:"no_verification,omitempty"`
	// Slow clients take seconds to start: one at a time.
	Slow bool `json:"slow,omitempty"`
	// Note says what the examination cannot show of this client.
	Note string `json:"note,omitempty"`
	// Advice says, by question, how the check is switched on where the client can.
	Advice map[string]string `json:"advice,omitempty"`
}

// Variant is what differs in the row with revocation.
type Variant struct {
	Name     string            `json:"name"`
	Run      []string          `json:"run,omitempty"`
	Env      map[string]string `json:"env,omitempty"`
	Settings map[string]any    `json:"settings,omitempty"`
	Note     string            `json:"note,omitempty"`
}

// Service is a server program that asks the lab in its clients' name. It is started once, with a
// configuration over all questions: Config has Each in the place of {each}, once for each question with
// {listen}, {host}, {port} and {root} filled in.
type Service struct {
	Run    []string `json:"run"`
	Config string   `json:"config"`
	Each   string   `json:"each"`
}

// Stdin is what a client gets on standard input.
type Stdin string

// The kinds of standard input. The zero one is empty and ends at once.
const (
	NoStdin Stdin = ""
	Request Stdin = "request" // an HTTP request; then it stays open
)

//go:embed clients.json
var builtIn []byte

// BuiltIn returns the clients that this program knows.
func BuiltIn() []Definition {
	all, err := Parse(bytes.NewReader(builtIn))
	if err != nil {
		panic(err) // the file is part of the program, and a test reads it
	}
	return all
}

// The bounds of definitions that a user gives.
const (
	maxDefinitions = 1 << 20 // octets of a file
	maxClients     = 500
)

var placeholder = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\{[a-z0-9]+\}`) })

var placeholders = []string{"{url}", "{host}", "{port}", "{token}", "{root}", "{rootdir}", "{p12}", "{nssdb}", "{home}", "{tmp}", "{programs}", "{verify}", "{check}", "{self}", "{listen}", "{listenhost}", "{listenport}", "{each}", "{config}"}

// Parse reads definitions: a JSON array. Unknown fields, unknown placeholders and clients that
// cannot be asked are errors.
func Parse(r io.Reader) ([]Definition, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxDefinitions+1))
	switch {
	case err != nil:
		return nil, err
	case len(b) > maxDefinitions:
		return nil, fmt.Errorf("larger than %d KiB", maxDefinitions>>10)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	var all []Definition
	if err := dec.Decode(&all); err != nil {
		return nil, fmt.Errorf("no list of clients in JSON: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("something stands behind the list")
	}
	if len(all) > maxClients {
		return nil, fmt.Errorf("%d clients, and %d are the most", len(all), maxClients)
	}
	names := map[string]bool{}
	for i, d := range all {
		if err := d.check(); err != nil {
			return nil, fmt.Errorf("client %d (%q): %w", i+1, d.Name, err)
		}
		for _, row := range d.rowNames() {
			if names[row] {
				return nil, fmt.Errorf("client %d: the name %q stands twice", i+1, row)
			}
			names[row] = true
		}
	}
	return all, nil
}

func (d Definition) rowNames() []string {
	if d.Revocation != nil {
		return []string{d.Name, d.Revocation.Name}
	}
	return []string{d.Name}
}

// check wants what an examination needs.
func (d Definition) check() error {
	ways := 0
	for _, given := range []bool{len(d.Run) > 0, d.Serve != nil, d.Driver != ""} {
		if given {
			ways++
		}
	}
	switch {
	case d.Name == "" || len(d.Name) > 80 || finding.Quote(d.Name) != d.Name:
		return errors.New("a name has 1 to 80 characters, all of which can be printed")
	case ways != 1:
		return errors.New(`one of "run", "serve" and "driver" is needed`)
	case d.Driver != "" && d.Driver != Chromium && d.Driver != Firefox:
		return fmt.Errorf("the driver %q is unknown; known: %s, %s", d.Driver, Chromium, Firefox)
	case d.Driver != "" && len(d.Detect) == 0:
		return errors.New(`"detect" names the browser's program first`)
	case d.Driver == "" && (d.Settings != nil || d.Revocation != nil && d.Revocation.Settings != nil):
		return errors.New(`"settings" are a browser's`)
	case d.Stdin != NoStdin && d.Stdin != Request:
		return fmt.Errorf(`stdin is "request" or nothing, not %q`, d.Stdin)
	case len(d.Run) > 0 && !slices.ContainsFunc(d.Run, func(s string) bool { return strings.Contains(s, "{url}") || strings.Contains(s, "{port}") }):
		return errors.New("the command has neither {url} nor {port}: it does not say where to go")
	case d.Revocation != nil && d.Revocation.Name == "":
		return errors.New("the row with revocation needs a name")
	}
	var texts []string
	texts = append(append(texts, d.Run...), d.Prepare...)
	for _, v := range d.Env {
		texts = append(texts, v)
	}
	if d.Revocation != nil {
		texts = append(texts, d.Revocation.Run...)
		for _, v := range d.Revocation.Env {
			texts = append(texts, v)
		}
	}
	if d.Serve != nil {
		texts = append(append(texts, d.Serve.Run...), d.Serve.Each)
	}
	for _, t := range texts {
		for _, p := range placeholder().FindAllString(t, -1) {
			if !slices.Contains(placeholders, p) {
				return fmt.Errorf("the placeholder %s is unknown; known: %s", p, strings.Join(placeholders, " "))
			}
		}
	}
	return nil
}

// FromCommand makes a definition of a command line, taken apart at spaces and quotes like a
// shell does, and not given to one.
func FromCommand(line string) (Definition, error) {
	words, err := split(line)
	if err != nil {
		return Definition{}, err
	}
	if len(words) == 0 {
		return Definition{}, errors.New("the command is empty")
	}
	name := words[0]
	if strings.ContainsRune(name, filepath.Separator) {
		// The client runs in a folder of its own, and was named from this one.
		if words[0], err = filepath.Abs(name); err != nil {
			return Definition{}, err
		}
	}
	d := Definition{Name: name, Detect: []string{words[0]}, Run: words, tryProxy: true}
	return d, d.check()
}

// split takes a line apart at white space; '…', "…" and \ keep together.
func split(line string) (words []string, err error) {
	var word strings.Builder
	begun, quote := false, rune(0)
	escaped := false
	for _, c := range line {
		switch {
		case escaped:
			word.WriteRune(c)
			escaped = false
		case c == '\\' && quote != '\'':
			escaped, begun = true, true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '\'' || c == '"':
			quote, begun = c, true
		case c == ' ' || c == '\t' || c == '\n':
			if begun {
				words = append(words, word.String())
				word.Reset()
				begun = false
			}
		default:
			word.WriteRune(c)
			begun = true
		}
	}
	if quote != 0 || escaped {
		return nil, errors.New("a quote is not closed")
	}
	if begun {
		words = append(words, word.String())
	}
	return words, nil
}
