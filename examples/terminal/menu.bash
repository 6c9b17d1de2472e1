# A menu in the terminal: Up and Down move, Enter chooses, q leaves.
items=(coffee tea water)
at=0

printf '\e[?1049h\e[?25l\e]2;menu\a'
trap 'printf "\e[?25h\e[?1049l"' EXIT

draw() {
    printf '\e[H\e[2JWhat would you like?\n'
    local number
    for number in "${!items[@]}"; do
        if ((number == at)); then
            printf '\e[7m> %s\e[0m\n' "${items[number]}"
        else
            printf '  %s\n' "${items[number]}"
        fi
    done
}

while draw && IFS= read -rsn1 key; do
    case $key in
        $'\e')
            IFS= read -rsn2 -t 1 rest
            case $rest in
                '[A') ((at = (at + ${#items[@]} - 1) % ${#items[@]})) ;;
                '[B') ((at = (at + 1) % ${#items[@]})) ;;
            esac
            ;;
        '')
            printf '\e[?25h\e[?1049l'
            trap - EXIT
            echo "Here is your ${items[at]}."
            exit 0
            ;;
        q) exit 1 ;;
    esac
done
