package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// MarshalJSON writes the rules that are not the zero Policy's: an object whose
// members have the names of [Fields]. Switches are booleans, fields that repeat
// arrays, all others strings. It refuses what Validate does not let pass.
func (p Policy) MarshalJSON() ([]byte, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteByte('{')
	var q Policy // what the members so far say
	for _, f := range table() {
		vs := f.get(&p)
		if slices.Equal(vs, f.get(&q)) {
			continue
		}
		var v any = vs
		switch {
		case f.Value == "":
			v = vs[0] == "true"
		case !f.Repeats && len(vs) == 1:
			v = vs[0]
		}
		text, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:%s", f.Name, text)
		for _, one := range vs {
			if err := f.set(&q, one); err != nil {
				return nil, fmt.Errorf("%s: %w", f.Name, err)
			}
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON reads the form of MarshalJSON over the zero Policy. A member
// that is no field, a value of another form, or one that Validate refuses is an
// error, and p stays as it was.
func (p *Policy) UnmarshalJSON(b []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(b, &members); err != nil {
		return err
	}
	var q Policy
	for _, f := range table() {
		raw, given := members[f.Name]
		if !given {
			continue
		}
		delete(members, f.Name)
		vs, err := f.values(raw)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		for _, one := range vs {
			if err := f.set(&q, one); err != nil {
				return fmt.Errorf("%s: %w", f.Name, err)
			}
		}
	}
	for name := range members {
		return fmt.Errorf("there is no rule %q", name)
	}
	if err := q.Validate(); err != nil {
		return err
	}
	*p = q
	return nil
}

// values are a member's, each as Set reads it.
func (f *Field) values(raw json.RawMessage) ([]string, error) {
	switch {
	case f.Value == "":
		var v *bool
		if err := json.Unmarshal(raw, &v); err != nil || v == nil {
			return nil, fmt.Errorf("must be true or false")
		}
		return []string{fmt.Sprint(*v)}, nil
	case f.Repeats:
		var vs []string
		if err := json.Unmarshal(raw, &vs); err != nil || vs == nil {
			return nil, fmt.Errorf("must be an array of strings")
		}
		return vs, nil
	}
	var v *string
	if err := json.Unmarshal(raw, &v); err != nil || v == nil {
		return nil, fmt.Errorf("must be a string")
	}
	return []string{*v}, nil
}
