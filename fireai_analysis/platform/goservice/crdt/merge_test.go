package crdt

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
)

func set(node string, count int64, key, value string) Write {
	text, _ := json.Marshal(value)
	return Write{
		Clock:          Clock{node: count},
		Changes:        []Change{{"set", "/hot/" + key, text}},
		IdempotencyKey: node + value,
	}
}

func add(node, key, value string) Write {
	return Write{
		Clock:          Clock{node: 1},
		Changes:        []Change{{"add", "/elements/" + key, json.RawMessage(value)}},
		IdempotencyKey: node + key,
	}
}

func merged(t *testing.T, state State, writes ...Write) *Patch {
	t.Helper()
	patch := NewPatch()
	for _, write := range writes {
		if err := write.Check(); err != nil {
			t.Fatal(err)
		}
		if err := patch.Merge(state, write); err != nil {
			t.Fatal(err)
		}
	}
	return patch
}

func TestADominatingWriteWinsInAnyOrder(t *testing.T) {
	early, late := set("a", 1, "k", "early"), set("a", 1, "k", "late")
	late.Clock = Clock{"a": 1, "b": 1} // has seen the early one
	for _, order := range [][]Write{{early, late}, {late, early}} {
		if got := merged(t, State{}, order...).Hot["k"]; got != "late" {
			t.Errorf("%q won", got)
		}
	}
}

func TestConcurrentWritesAreOrderedBySumThenNodeThenValue(t *testing.T) {
	for _, pair := range [][2]Write{
		{set("z", 1, "k", "loser"), set("a", 2, "k", "winner")},
		{set("a", 1, "k", "z loser"), set("b", 1, "k", "winner")},
		{set("a", 1, "k", "loser"), set("a", 1, "k", "winner")},
	} {
		for _, order := range [][]Write{{pair[0], pair[1]}, {pair[1], pair[0]}} {
			if got := merged(t, State{}, order...).Hot["k"]; got != "winner" {
				t.Errorf("%q won", got)
			}
		}
	}
}

func TestAStoredWinnerStays(t *testing.T) {
	state := State{Clock: Clock{"a": 9}, Stamps: map[string]Stamp{"k": {9, "a", "stored"}}}
	patch := merged(t, state, set("b", 1, "k", "older"))
	if len(patch.Hot) != 0 || len(patch.Stamps) != 0 || !reflect.DeepEqual(patch.Clock, Clock{"b": 1}) {
		t.Errorf("%+v", patch)
	}
}

func TestAClockNeverFalls(t *testing.T) {
	patch := merged(t, State{Clock: Clock{"a": 5}}, set("a", 3, "k", "v"))
	if len(patch.Clock) != 0 {
		t.Errorf("%v", patch.Clock)
	}
}

func TestAnElementIsAddedOnceAndAnotherValueConflicts(t *testing.T) {
	state := State{Elements: map[string]json.RawMessage{"old": json.RawMessage(`{"b":2,"a":1}`)}}
	patch := merged(t, state, add("a", "old", `{"a": 1, "b": 2}`), add("a", "new", `{"a":1}`), add("b", "new", `{ "a":1 }`))
	if len(patch.Elements) != 1 {
		t.Errorf("%v", patch.Elements)
	}
	before := fmt.Sprint(*patch)
	both := add("c", "fresh", `{"x":1}`)
	both.Changes = append(both.Changes, Change{"add", "/elements/old", json.RawMessage(`{"a":2}`)})
	if err := patch.Merge(state, both); !errors.Is(err, ErrConflict) {
		t.Errorf("no conflict: %v", err)
	}
	if after := fmt.Sprint(*patch); after != before {
		t.Errorf("a refused write left a trace: %s", after)
	}
}

// Any order of the same writes, each given any number of times, gives the same document.
func TestMergeIsCommutativeAssociativeAndIdempotent(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var writes []Write
		for i := range 12 {
			node := string(rune('a' + random.IntN(4)))
			write := set(node, random.Int64N(4), fmt.Sprint(random.IntN(3)), fmt.Sprint("v", random.IntN(6)))
			if i%3 == 0 {
				write.Clock[string(rune('a'+random.IntN(4)))] = random.Int64N(4)
			}
			writes = append(writes, write, add(node, fmt.Sprint("e", i), `{"n":1}`))
		}
		want := merged(t, State{}, writes...)
		again := append(append([]Write{}, writes...), writes[:7]...)
		random.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		cut := random.IntN(len(again))
		first := merged(t, State{}, again[:cut]...)
		state := State{Clock: first.Clock, Elements: first.Elements, Stamps: first.Stamps}
		second := merged(t, state, again[cut:]...)
		for key, stamp := range want.Stamps {
			got, changed := second.Stamps[key]
			if !changed {
				got = first.Stamps[key]
			}
			if got != stamp {
				t.Fatalf("register %s: %v, not %v", key, got, stamp)
			}
		}
		for node, count := range want.Clock {
			if got := max(first.Clock[node], second.Clock[node]); got != count {
				t.Fatalf("clock %s: %d, not %d", node, got, count)
			}
		}
		if len(first.Elements)+len(second.Elements) != len(want.Elements) {
			t.Fatal("elements were lost or doubled")
		}
	}
}

func TestWhatIsNoWriteIsRefused(t *testing.T) {
	good := add("a", "k", `{"x":1}`)
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]Change{
		"operation":     {"delete", "/elements/k", json.RawMessage(`{}`)},
		"path":          {"add", "/hot/k", json.RawMessage(`{}`)},
		"nested path":   {"add", "/elements/a/b", json.RawMessage(`{}`)},
		"no key":        {"set", "/hot/", json.RawMessage(`"v"`)},
		"element value": {"add", "/elements/k", json.RawMessage(`"text"`)},
		"hot value":     {"set", "/hot/k", json.RawMessage(`1`)},
		"null":          {"set", "/hot/k", json.RawMessage(`"\u0000"`)},
	} {
		bad := good
		bad.Changes = []Change{change}
		if bad.Check() == nil {
			t.Errorf("%s was taken", name)
		}
	}
	for name, spoil := range map[string]func(*Write){
		"no clock":      func(w *Write) { w.Clock = Clock{} },
		"negative":      func(w *Write) { w.Clock = Clock{"a": -1} },
		"no node name":  func(w *Write) { w.Clock = Clock{"": 1} },
		"no key":        func(w *Write) { w.IdempotencyKey = "" },
		"no change":     func(w *Write) { w.Changes = nil },
		"the same path": func(w *Write) { w.Changes = append(w.Changes, w.Changes[0]) },
	} {
		bad := good
		spoil(&bad)
		if bad.Check() == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
