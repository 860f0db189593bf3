package cli

import (
	"github.com/assaytls/assay/cert/bundle"
	"github.com/assaytls/assay/internal/render"
)

// paperObject names an object that is no certificate, list, answer or SCT.
func paperObject(o bundle.Object, from string) object {
	out := object{Kind: o.Kind.String(), From: from}
	if o.Kind == bundle.Unknown {
		out.Kind = "unknown"
	}
	text := "this is " + o.What()
	if o.Kind == bundle.Unknown {
		text = "this is no certificate and no other object that assay knows, in PEM or DER (--type says what it should be)"
	}
	out.Rows = append(out.Rows, render.Row{Label: "note", Value: text})
	if t := takers[o.Kind]; t != "" {
		out.Rows = append(out.Rows, render.Row{Label: "note", Value: t})
	}
	return out
}
