package cli

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/render"
	"github.com/assaytls/assay/internal/session"
)

// comparison is what differs between two objects of one kind.
type comparison struct {
	Kind        string       `json:"kind"`
	A           string       `json:"a"` // where the first one is from
	B           string       `json:"b"`
	Same        bool         `json:"same"` // byte for byte
	Differences []difference `json:"differences"`
}

// difference is one field that is not the same. A value that both have is in neither list.
type difference struct {
	Field   string   `json:"field"`
	OnlyA   []string `json:"only_a,omitempty"`
	OnlyB   []string `json:"only_b,omitempty"`
	Omitted int      `json:"omitted,omitempty"` // values that --all shows
}

// compared is a field of an object with its values; most fields have one.
type compared struct {
	name   string
	values []string
}

// showDiff compares the first certificate or CRL of one file, or server, with that of another. The
// exit status is that of diff: 0 the same, 1 different.
func (a *app) showDiff(ctx context.Context, f *showFlags, what shown, args []string) error {
	if len(args) != 2 {
		return usagef("assay show --diff compares two files or servers, and %d were given", len(args))
	}
	what.all, what.serial = true, nil // what is compared is compared whole
	var pair [2]object
	for i, arg := range args {
		objects, err := a.objects(ctx, f, what, arg)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(objects, func(o object) bool { return o.parsed != nil || o.list != nil })
		if at < 0 {
			return usagef("%s holds no certificate and no CRL that can be decoded", session.ShownName(arg))
		}
		pair[i] = objects[at]
	}
	if pair[0].Kind != pair[1].Kind {
		return usagef("%s is a %s and %s a %s", pair[0].From, pair[0].Kind, pair[1].From, pair[1].Kind).Hint("assay show --diff compares two certificates or two CRLs")
	}
	c := compare(&pair[0], &pair[1], f.all)
	if !c.Same {
		a.Status = command.Reject
	}
	if f.out.format == formatJSON {
		return render.Value(a.Stdout, c, true)
	}
	return c.write(a, &f.out)
}

// compare compares two certificates or two CRLs. Of many entries of CRLs only the first are kept, unless all is set.
func compare(a, b *object, all bool) *comparison {
	c := &comparison{Kind: a.Kind, A: a.From, B: b.From, Differences: []difference{}}
	var fa, fb []compared
	if a.parsed != nil {
		c.Same = a.parsed.SHA256 == b.parsed.SHA256
		fa, fb = a.certFields(), b.certFields()
	} else {
		c.Same = a.CRL.SHA256 == b.CRL.SHA256
		fa, fb = a.crlFields(), b.crlFields()
	}
	names := map[string]bool{}
	for _, f := range slices.Concat(fa, fb) {
		if names[f.name] {
			continue
		}
		names[f.name] = true
		va, vb := valuesOf(fa, f.name), valuesOf(fb, f.name)
		d := difference{Field: f.name, OnlyA: without(va, vb), OnlyB: without(vb, va)}
		if len(d.OnlyA)+len(d.OnlyB) > 0 {
			if !all {
				d.cap()
			}
			c.Differences = append(c.Differences, d)
		}
	}
	return c
}

// cap keeps the first values of each side.
func (d *difference) cap() {
	for _, side := range []*[]string{&d.OnlyA, &d.OnlyB} {
		if n := len(*side) - maxEntries; n > 0 {
			d.Omitted += n
			*side = (*side)[:maxEntries]
		}
	}
}

// valuesOf are the values of every field of that name.
func valuesOf(fields []compared, name string) (out []string) {
	for _, f := range fields {
		if f.name == name {
			out = append(out, f.values...)
		}
	}
	return out
}

// without are those values of list that other does not have, as often as it lacks them.
func without(list, other []string) (out []string) {
	have := make(map[string]int, len(other))
	for _, v := range other {
		have[v]++
	}
	for _, v := range list {
		if have[v]--; have[v] < 0 {
			out = append(out, v)
		}
	}
	return out
}

// certFields are the fields of a certificate. Extensions are compared one by one, by what they say.
func (o *object) certFields() []compared {
	c := o.parsed
	one := func(name, value string) compared { return compared{name, []string{value}} }
	fields := []compared{one("subject", nameText(c.Subject)), one("issuer", nameText(c.Issuer)), one("names", "")}
	fields[2].values = namesOf(c.SAN)
	fields = append(fields, one("not before", command.When(c.NotBefore)), one("not after", command.When(c.NotAfter)), one("serial", hex.EncodeToString(c.Serial)),
		one("key", o.Cert.Key), one("SPKI hash", o.Cert.SPKISHA256), one("signed with", signatureOf(c.Algorithm).String()), one("version", strconv.Itoa(c.Version)))
	for _, x := range o.Details.ExtensionsInWords {
		text := cmp.Or(x.Text, "#"+x.Value)
		if x.OID == oidSAN {
			text = "present" // the names are compared above
		}
		if x.Critical {
			text += " (critical)"
		}
		fields = append(fields, one(cmp.Or(x.Name, x.OID), text))
	}
	return append(fields, one("SHA-256", o.Cert.SHA256))
}

const oidSAN = "2.5.29.17"

// crlFields are the fields of a CRL and its entries.
func (o *object) crlFields() []compared {
	c := o.CRL
	one := func(name, value string) compared { return compared{name, []string{value}} }
	fields := []compared{one("issuer", nameText(o.list.Issuer)), one("this update", whenOf(c.ThisUpdate)), one("next update", whenOf(c.NextUpdate)),
		one("number", c.Number), one("base", c.Base), one("issuer ID", c.AuthorityKeyID), one("signed with", c.Signature.String()), one("version", strconv.Itoa(c.Version))}
	for _, x := range c.Extensions {
		text := "#" + x.Value
		if x.Critical {
			text += " (critical)"
		}
		fields = append(fields, one(cmp.Or(x.Name, x.OID), text))
	}
	fields = append(fields, one("size", strconv.FormatInt(c.Size, 10)), one("entries", strconv.Itoa(c.Entries)))
	revoked := compared{name: "revoked"}
	_ = o.list.All(func(e crl.Entry) bool { // the list was just read whole
		entry := entryOf(e)
		revoked.values = append(revoked.values, entry.String())
		return true
	})
	return append(fields, revoked)
}

// write is the comparison for people.
func (c *comparison) write(a *app, out *outputFlags) error {
	head := fmt.Sprintf("%s (%s) and %s (%s)", c.Kind, c.A, c.Kind, c.B)
	switch n := len(c.Differences); {
	case c.Same:
		head += " are the same"
	case n == 0:
		head += " have the same fields and are not the same"
	case n == 1:
		head += " differ in one field"
	default:
		head += fmt.Sprintf(" differ in %d fields", n)
	}
	if out.quiet {
		_, err := fmt.Fprintln(a.Stdout, command.QuoteLines(head))
		return err
	}
	s := render.Sheet{Title: head}
	for _, d := range c.Differences {
		label := d.Field
		for _, side := range []struct {
			sign   string
			values []string
		}{{"- ", d.OnlyA}, {"+ ", d.OnlyB}} {
			for _, v := range side.values {
				s.Rows = append(s.Rows, render.Row{Label: label, Value: side.sign + v})
				label = ""
			}
		}
		if d.Omitted > 0 {
			s.Rows = append(s.Rows, render.Row{Value: fmt.Sprintf("and %d more; --all shows them", d.Omitted)})
		}
	}
	if len(s.Rows) == 0 {
		_, err := io.WriteString(a.Stdout, command.QuoteLines(head)+"\n")
		return err
	}
	return render.Sheets(a.Stdout, []render.Sheet{s}, out.options(a))
}
