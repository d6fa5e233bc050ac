package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
)

const maxJSONBytes = 1 << 20

const newestRule = `
SELECT rule_code, version, rule_name, rule_schema -> 'conditions' ->> $2, rule_schema ->> 'default'
FROM as1851_rules WHERE rule_code = $1 AND is_active ORDER BY version DESC LIMIT 1`

type observation struct {
	ItemCode  string `json:"item_code"`
	Condition string `json:"observed_condition"`
}

type classification struct {
	ItemCode       string `json:"item_code"`
	Condition      string `json:"observed_condition"`
	Classification string `json:"classification"`
	RuleCode       string `json:"rule_code"`
	RuleVersion    int    `json:"rule_version"`
	RuleName       string `json:"rule_name"`
}

// classify applies the newest active rule of the item code to an observed condition.
func (s *service) classify(r *http.Request, times *parts) (answer, error) {
	var asked observation
	if err := decode(r, &asked); err != nil {
		return answer{}, err
	}
	if asked.ItemCode == "" || asked.Condition == "" {
		return answer{}, &problem{http.StatusUnprocessableEntity, "incomplete", "item_code and observed_condition are needed"}
	}
	connection, err := s.acquire(r.Context(), times)
	if err != nil {
		return answer{}, err
	}
	defer connection.Release()
	found, fallback := classification{ItemCode: asked.ItemCode, Condition: asked.Condition}, ""
	var class *string
	begin := time.Now()
	err = connection.QueryRow(r.Context(), newestRule, asked.ItemCode, asked.Condition).
		Scan(&found.RuleCode, &found.RuleVersion, &found.RuleName, &class, &fallback)
	times.database(begin)
	if errors.Is(err, pgx.ErrNoRows) {
		return answer{}, &problem{http.StatusNotFound, "unknown_item", "no active rule for this item code"}
	}
	if err != nil {
		return answer{}, err
	}
	found.Classification = fallback
	if class != nil {
		found.Classification = *class
	}
	return jsonAnswer(http.StatusOK, found)
}

// decode reads a JSON body of bounded size.
func decode(r *http.Request, into any) error {
	err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxJSONBytes)).Decode(into)
	var tooLarge *http.MaxBytesError
	if err != nil && !errors.As(err, &tooLarge) {
		return &problem{http.StatusBadRequest, "bad_json", "the body is not the JSON expected"}
	}
	return err
}
