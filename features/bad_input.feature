Feature: A mistake is answered with one line that helps

  Scenario Outline: A mistake in a scenario
    Given the scenario "usdt-cliff-9m"
    And "<wrong>" stands where "<right>" stood
    When tse run is typed
    Then it ends with code 2
    And the one line says: <answer>
    And nothing is kept

    Examples:
      | right                | wrong                | answer                                                |
      | duration: 9m         | duratoin: 9m         | unknown key 'duratoin'; did you mean 'duration'?      |
      | over: 2m             | over: 2 minutes      | '2 minutes' is not a duration such as 90s             |
      | instrument: USDT/USD | instrument: USTD/USD | unknown instrument 'USTD/USD'; did you mean 'USDT/USD'? |
      | at: 2m               | at: 1m               | comes before the steady state has been watched        |
      | world: two-desks     | world: two-deks      | did you mean 'two-desks'?                             |

  Scenario: A limit of zero would fire for ever
    Given the scenario "usdt-cliff-9m"
    And a world whose critical peg limit of USDT is loosened to 0bps
    When tse run is typed
    Then it ends with code 2
    And the one line says: 0bps is not above 0%
    And nothing is kept
