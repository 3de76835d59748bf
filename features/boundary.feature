Feature: A limit is shown to be where it is said to be

  An alert that fires in a crash proves that the monitor is awake. Two more runs, just under the limit and just over it,
  prove that it speaks at its limit and not before.

  Scenario: Just under the limit no critical alert fires, just over it the expected one does
    Given the scenario "usdt-cliff-9m"
    And its boundary is {limit: {deviation: USDT, above: 100bps, for: 60s}, under: {method.0.to: 0.9905}, over: {method.0.to: 0.9895}}
    When it is run
    Then the verdict is PASS
    And the side under raised a warning and nothing critical
    And the side over raised a critical alert in time
    And the sides reached 95% and 105% of the limit, which the terminal, the page and the JSON tell
    And the run itself has the digest that it has without a boundary

  Scenario: A critical alert under its limit breaks the boundary
    Given the scenario "usdt-cliff-9m"
    And its boundary is {under: {method.0.to: 0.9895}}
    When it is run
    Then the verdict is FAIL
    And the reason says: the boundary, just under the limit: critical peg_deviation on USDT fired at 2026-03-02T00:0
    And its page shows the broken boundary

  Scenario: A side over the limit that is not over it tests nothing
    Given the scenario "usdt-cliff-9m"
    And its boundary is {limit: {deviation: USDT, above: 100bps, for: 60s}, under: {method.0.to: 0.9905}, over: {method.0.to: 0.9902}}
    When it is run
    Then the verdict is INVALID
    And the reason says: the boundary, just over the limit: expectation: peg_deviation USDT critical

  Scenario Outline: A side that is far from the limit shows nothing of it
    Given the scenario "usdt-cliff-9m"
    And its boundary is {limit: {deviation: USDT, above: 100bps, for: 60s}, under: {method.0.to: <under>}, over: {method.0.to: <over>}}
    When it is run
    Then the verdict is INVALID
    And the reason says: the boundary, just <side> the limit: <percent>% of the limit was reached, deviation of USDT above 1% for 1m: not just <side> it

    Examples:
      | under  | over   | side  | percent |
      | 0.9955 | 0.9895 | under | 40      |
      | 0.9905 | 0.985  | over  | 150     |

  Scenario: The time that a limit says is a limit too
    Given the scenario "usdt-cliff-9m"
    And its boundary is {limit: {deviation: USDT, above: 100bps, for: 60s}, under: {rollbacks.0.at: 3m57s, rollbacks.0.over: 0s}, over: {rollbacks.0.at: 4m10s, rollbacks.0.over: 0s}}
    When it is run
    Then the verdict is PASS
    And the sides reached 96% and 109% of the limit

  Scenario: A boundary may be of one rule of several
    Given the scenario "usdt-cliff-9m"
    And its boundary is {of: [peg_deviation], limit: {deviation: USDT, above: 100bps, for: 60s}, under: {method.0.to: 0.9905}, over: {method.0.to: 0.9895}}
    When it is run
    Then the verdict is PASS

  Scenario: Whoever is in a hurry leaves it out
    Given the scenario "usdt-cliff-9m"
    And its boundary is {under: {method.0.to: 0.9895}}
    When tse run is typed with --no-boundary
    Then it ends with code 0

  Scenario Outline: A mistake in a boundary
    Given the scenario "usdt-cliff-9m"
    And its boundary is <boundary>
    When tse run is typed
    Then it ends with code 2
    And the one line says: <answer>
    And nothing is kept

    Examples:
      | boundary                                    | answer                                                                             |
      | {under: {method.0.too: 0.99}}               | usdt-cliff-9m.yaml:42: boundary.under.method.0.too: unknown key 'too'; did you mean 'to'? |
      | {under: {method.1.to: 0.99}}                | usdt-cliff-9m.yaml:42: boundary.under.method.1.to: items are named by number, 0 to 0, not '1' |
      | {under: {method.0.to: cheap}}               | usdt-cliff-9m.yaml:42: boundary.under.method.0.to: 'cheap' is not a number         |
      | {under: {duration: 3m}}                     | method.0: at: would end after the scenario (3m); 1m or sooner is right (with the changes of boundary.under) |
      | {under: {world: two-deks}}                  | usdt-cliff-9m.yaml:42: boundary.under.world: no such world                         |
      | {under: {method.0.instrument: USTD/USD}}    | usdt-cliff-9m.yaml:14: method.0: unknown instrument 'USTD/USD'; did you mean 'USDT/USD'? (with the changes of boundary.under) |
      | {under: {}}                                 | boundary.under: nothing is changed; name a key such as method.0.to, and its value  |
      | {over: {method.0.to: 0.98}}                 | boundary: the key 'under' is missing                                               |
      | {under: {boundary.over: {duration: 3m}}}    | a boundary has no boundary of its own                                              |
      | {of: [venue_down], under: {method.0.to: 0.99}} | usdt-cliff-9m.yaml:42: boundary: of: no alert 'venue_down' is expected; expected: peg_deviation |
      | {of: [venue], under: {method.0.to: 0.99}}   | usdt-cliff-9m.yaml:42: boundary: of: no alert 'venue' is expected; expected: peg_deviation |
      | {limit: {price: USDT/USD, below: 0.99}, under: {method.0.to: 0.99}} | boundary: how near a price alone comes is not told; name a `limit`, such as a deviation |
